// Package config reads the annotator's one YAML file.
//
// Everything in it is optional, and so is the file: without one, alerts are taken and
// kept, and explained without evidence.
//
//	listen:
//	  address: ":10143"
//	  web_config: web.yml       # TLS and so on, in the form of Prometheus' exporter-toolkit
//	  max_body: 16MiB           # of a message of Alertmanager
//	links:                      # as people's browsers reach them
//	  annotator: https://annotator.example.net
//	  grafana: https://grafana.example.net # sinks.grafana.url if absent
//	auth:                       # without tokens all may send and read, and nobody approve
//	  tokens:
//	    - name: oncall          # in the audit log
//	      sha256_file: oncall.sha256 # printf %s TOKEN | sha256sum > oncall.sha256
//	      scopes: [read, approve] # ingest | read | approve
//	store:
//	  path: /var/lib/packetscope-annotator/annotator.db
//	  max_inbox: 20000          # messages that wait
//	  max_size: 512MiB          # and their size
//	  keep: 30d                 # episodes that are over, and the audit log
//	  seen: 7d                  # what tells that a message came before
//	prometheus:                 # where evidence comes from
//	  url: http://127.0.0.1:9090
//	  token_file: prometheus.token
//	  ca_file: ca.pem           # who signed its certificate; the system's authorities if absent
//	  timeout: 1s               # for one query
//	  total: 2500ms             # for all about one alert
//	  max_queries: 12           # about one alert
//	  parallel: 4               # of them at once
//	  max_facts: 5              # of one query
//	  max_series: 50            # of its result
//	alertmanager:               # asked for what its messages did not tell
//	  url: http://127.0.0.1:9093
//	  receiver: annotator       # the one that sends to us, as it is named there
//	  reconcile: 1m
//	  timeout: 10s
//	  token_file: alertmanager.token
//	  ca_file: ca.pem
//	exporters:                  # asked whom Guarder hits, and with whom its host talks
//	  - instance: "web-1:10142" # the label of the alerts that it is asked about, as a whole
//	    url: https://web-1:10142
//	    basic_auth: {username: annotator, password_file: web-1.password} # or token_file
//	    ca_file: ca.pem
//	    top: 20                 # sources
//	    timeout: 2s             # it looks for one of them
//	geo:                        # where addresses are and whose they are (package geo)
//	  databases: [GeoLite2-City.mmdb, GeoLite2-ASN.mmdb] # the first that knows counts
//	  overrides: [networks.yml] # own networks, YAML or CSV
//	llm:                        # models; built-in explanations alone without providers
//	  enabled: true
//	  prompt_privacy: handles   # handles | values: whether addresses and names leave
//	  providers:                # asked in this order, with the protocol of OpenAI
//	    - name: local
//	      base_url: http://127.0.0.1:11434/v1
//	      model: qwen3:14b
//	      timeout: 90s
//	    - name: azure
//	      base_url: https://example.openai.azure.com/openai/v1/
//	      model: gpt-5-mini
//	      api_key_file: azure.key
//	      api_key_header: api-key # Authorization if absent
//	      temperature: 0.2      # not sent if absent
//	      max_tokens: 900       # of an answer
//	      price: {prompt: 0.4, completion: 1.6} # of a million tokens
//	      proxy: http://proxy.example.net:3128 # none if absent, whatever the environment says
//	      ca_file: ca.pem
//	      allow_http: false     # plain http to another host
//	      allow_values: false   # prompt_privacy: values on another host
//	  budget: {calls_per_minute: 6, tokens_per_day: 300000, reserve_critical: 30%}
//	  breaker: {failures: 5, open: 2m, auth_open: 30m}
//	  cache: {ttl: 1h}
//	  learn: 6h                 # how long what a server cannot do is remembered
//	storm: {episodes: 50, asked: 5} # from so many on, models are asked about the worst alone
//	suggest:                    # rules for Guarder, which people approve
//	  enabled: true
//	  max_ttl: 4h
//	  max_open: 20
//	  min_prefix: {ipv4: 24, ipv6: 48} # the widest networks in a rule
//	  protected: [192.0.2.0/24] # never in a rule
//	  protected_file: protected.txt # more of them: one a line, # begins a comment
//	sinks:
//	  grafana:
//	    url: http://127.0.0.1:3000
//	    token_file: grafana.token
//	    ca_file: ca.pem
//	    timeout: 10s
//	    dashboards:             # where to annotate, first match wins; everywhere if none
//	      - {match: {alertname: "Guarder.*"}, uid: packetscope-guarder, panel: 4}
//	  notify:
//	    - name: pager
//	      format: slack         # alertmanager | discord | msteams | ntfy | packetscope | slack
//	      url_file: pager.url   # or url, if it is no secret
//	      token_file: pager.token
//	      secret_file: pager.key # signs the bodies
//	      ca_file: ca.pem
//	      timeout: 10s
//	      on: [first, model, resolved] # first | update | model | resolved; all if absent
//	      min_severity: warning # info | warning | critical
//
// Faults, times, sizes and relative paths are as in package yamlfile. Secrets stand in
// files of their own, and no URL may hold a user or password. Files with secrets are
// read whenever they are used, so that a new one needs no reload, and may come later than
// the annotator; [Check] looks at them. The other files that are named (hashes of tokens,
// certificates, protected networks) are read with the config, those of geo also when they
// change.
//
// # Reload
//
// What listens and the store are there once, see [NeedsRestart]. All else is given to an
// engine when it is made, so that it is put in force by ending the engine and making
// another one on the same store: the store resumes what was at hand.
package config
