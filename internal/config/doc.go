// Package config reads the exporter's one YAML file.
//
// Everything in it is optional, and so is the file: without one, the traffic of
// all network namespaces is measured with the best hooks the kernel has.
//
//	stack:
//	  scope: all              # network namespaces: all | own
//	  sample_every: 16        # time one packet in so many; all are counted
//	  netfilter_timing: false # time the rules of every netfilter hook
//	  run_stats: sampled      # cost of the programs: sampled | always | off
//	  disable: [softirq]      # groups of probes to leave out
//	  hooks:                  # force a hook family:
//	    default: auto         #   auto | tracepoint | trampoline | kprobe | net
//	    link_receive: kprobe  #   for one probe
//	drops:
//	  severity:               # what drops mean on this host: loss | policy | benign,
//	    NETFILTER_DROP: benign # by the name in the label reason
//	watches:                  # flows to show under their own label, first match wins
//	  - name: web
//	    prefix: 10.0.0.0/8    # address or CIDR of one end ...
//	    ports: 443            # ... and its port, or 8000-8099
//	    peer_prefix: 192.0.2.7
//	    peer_ports: 1024-65535
//	    protocol: tcp         # name or number
//	    device: eth0
//	flows:                    # who talks to whom
//	  ipv4_prefix: 24         # bits of remote addresses that tell flows apart ...
//	  ipv6_prefix: 64         # ... of each family
//	  max: 65536              # flows in the table of the kernel, 208 bytes each
//	  forwarded: false        # count packets that this host forwards, too
//	  top: 20                 # flows with series of their own
//	  api: false              # serve the table under /api/v1/flows
//	guarder:
//	  api: false              # serve whom its rules hit under /api/v1/guarder/top
//	  bans: false             # serve who is banned under /api/v1/guarder/bans
//	alerting:                 # whom to tell of Guarder's rules with "alert:"; nobody without it
//	  alertmanagers:          # all of them are told all
//	    - url: http://127.0.0.1:9093
//	      timeout: 10s
//	      token_file: am.token # a bearer's; or basic_auth: {username: u, password_file: am.password}
//	      ca_file: ca.pem     # trusted instead of the system's; also cert_file, key_file, server_name
//	  instance: web-1:10142   # label of that name: what Prometheus calls this host; by default its name
//	  external_labels: {cluster: c1} # more labels, where there is no other of the name
//	  state: /var/lib/packetscope/alerts.json # what outlives a restart; nothing without it
//	  interval: 5s            # how often the counters are looked at
//	  resend_delay: 1m        # when an alert is told again; four times as long it is valid
//	geo:                      # where addresses are and whose they are (package geo)
//	  databases:              # in MaxMind's format; the first that knows counts
//	    - /var/lib/GeoIP/GeoLite2-City.mmdb
//	    - /var/lib/GeoIP/GeoLite2-ASN.mmdb
//	  overrides: [networks.yml] # own networks, YAML or CSV
//	  blocklists: [drop_v4.json] # prefixes and AS numbers
//	  blocklist_max_age: 72h  # what an older list lacks is unknown; any age if absent
//	locator:                  # which ways packets take (package locator); off without it
//	  destinations:
//	    - example.com         # asked by ICMP; also tcp://example.com:443, udp://192.0.2.1
//	    - name: shop          # instead of the host, in the label dest
//	      address: tcp://shop.example.com:443
//	      family: ipv6        # ipv4 | ipv6 | any
//	  files: [destinations/*.yml] # more of them: one a line, or Prometheus's file_sd
//	  discover:               # destinations that are found by whom this host talks to
//	    top: 20               # those with most bytes
//	    protocol: icmp        # of the probes: icmp | udp | tcp
//	    ipv4_prefix: 24       # bits of addresses that make one destination ...
//	    ipv6_prefix: 48       # ... of each family
//	    private: false        # private addresses, too
//	    every: 1m             # how often connections are looked at
//	  interval: 10s           # from round to round
//	  timeout: 3s             # how long an answer is waited for
//	  rate: 100               # packets per second of all probes together
//	  max_ttl: 30             # longest path
//	  names: true             # ask DNS for the names of hops
//	  mtu: true               # find the path MTU
//	  branches: true          # find the branches of load balancers
//	  position:               # where this host is; by default as the databases say
//	    latitude: 52.52       # degrees north ...
//	    longitude: 13.40      # ... and east
//	    country: DE
//	  policy: paths.yml       # which ways are allowed (package locator/policy)
//	  history:                # keep what changed; not kept without it
//	    path: /var/lib/packetscope/locator # a folder
//	    max_size: 64MiB
//	    max_age: 90d
//	  way: auto               # how to probe: auto | raw | queue (without privileges)
//	series_limit: 2000        # most series of one metric; the rest goes to "other"
//
// Reading is strict and patient: an unknown or repeated key, a wrong type or an
// impossible value is a fault, and all faults of a file are reported together
// as "file:line:col: message" (see [Error]). A key without a value counts as
// absent, so that a section may be commented out line by line. Times are written as
// in Prometheus (ms, s, m, h, d), and sizes in KiB, MiB and GiB. A relative path starts
// from the folder of the file.
//
// A [Reloader] keeps the last good file in force when a later one is bad.
package config
