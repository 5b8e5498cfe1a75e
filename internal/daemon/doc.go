// Package daemon is what the programs that serve have in common: a command line that ends
// no process by itself, an HTTP server as an actor of a run.Group, what a supervisor is
// told, and the verbs healthcheck and version.
//
//	app, logging := daemon.NewApp("packetscope", "What it is for.", stdout, stderr)
//	verbs := map[string]func(context.Context) error{
//		"healthcheck": daemon.AddHealthcheck(app, "exporter", "http://127.0.0.1:10142/-/ready"),
//		"version":     daemon.AddVersion(app, stdout),
//	}
//	name, err := daemon.Parse(app, args)
//
// Nothing in it knows what is served.
package daemon
