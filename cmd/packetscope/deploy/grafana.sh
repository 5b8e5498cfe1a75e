#!/bin/sh
# Starts Grafana so that it never has a password that everybody knows.
#
# At the first start the administrator gets the password of GRAFANA_ADMIN_PASSWORD,
# or else a random one, which is kept beside Grafana's database and printed once.
set -eu
data=${GF_PATHS_DATA:-/var/lib/grafana}
kept=$data/admin-password
run=${GRAFANA_RUN:-/run.sh}

if ! [ -w "$data" ]; then
	echo "grafana: $data is not writable for user $(id -u): it must be a volume that belongs to that user" >&2
	exit 1
fi
provisioning=${GF_PATHS_PROVISIONING:-/etc/grafana/provisioning}
home=${GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH:-/etc/grafana/dashboards/overview.json}
for config in "$provisioning/datasources/packetscope.yaml" "$provisioning/dashboards/packetscope.yaml" "$home"; do
	if ! [ -r "$config" ]; then
		echo "grafana: $config is missing or not readable for user $(id -u): on the host, make it readable for all (chmod -R a+rX dashboards; on SELinux add :z to the mount)" >&2
		exit 1
	fi
done

if [ -n "${GRAFANA_ADMIN_PASSWORD:-}" ]; then
	export GF_SECURITY_ADMIN_PASSWORD="$GRAFANA_ADMIN_PASSWORD"
	if [ -e "$data/grafana.db" ]; then
		echo "grafana: GRAFANA_ADMIN_PASSWORD counts at the first start only; to change the password: docker compose exec grafana grafana cli admin reset-admin-password NEW"
	fi
elif [ -s "$kept" ]; then
	export GF_SECURITY_ADMIN_PASSWORD__FILE="$kept"
elif ! [ -e "$data/grafana.db" ]; then
	umask 077
	head -c 18 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "$kept.new"
	mv "$kept.new" "$kept"
	umask 022
	export GF_SECURITY_ADMIN_PASSWORD__FILE="$kept"
	echo "grafana: the password of the user admin is $(cat "$kept") and is printed only this once; to see it again: docker compose exec grafana cat $kept"
fi
unset GRAFANA_ADMIN_PASSWORD
exec "$run" "$@"
