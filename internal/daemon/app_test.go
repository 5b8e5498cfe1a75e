package daemon

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// parse reads a command line with the two verbs, and returns what is printed.
func parse(args ...string) (verb, stdout string, err error) {
	var out bytes.Buffer
	app, _ := NewApp("program", "Serves.", &out, &out)
	verbs := map[string]func(context.Context) error{
		"healthcheck": AddHealthcheck(app, "server", "http://127.0.0.1:1/-/ready"), "version": AddVersion(app, &out),
	}
	verb, err = Parse(app, args)
	if err == nil && verb == "version" {
		err = verbs[verb](context.Background())
	}
	return verb, out.String(), err
}

// TestHelpDoesNotEndTheProcess, which is the test's.
func TestHelpDoesNotEndTheProcess(t *testing.T) {
	for args, want := range map[string]string{
		"--help":           "usage: program [<flags>] <command>",
		"-h":               "usage: program [<flags>] <command>",
		"help healthcheck": "usage: program healthcheck [<flags>]\n\nAsk a running server whether it is ready; exit 0 if so.",
		"--version":        "program, version ",
	} {
		verb, out, err := parse(strings.Fields(args)...)
		if verb != "" || err != nil || !strings.HasPrefix(out, want) {
			t.Errorf("%s: verb %q, error %v, prints\n%s\nwant first\n%s", args, verb, err, out, want)
		}
	}
}

func TestVersionIsThatOfTheProgram(t *testing.T) {
	if _, out, err := parse("version"); err != nil || !strings.HasPrefix(out, "program, version ") {
		t.Errorf("%v, prints %q", err, out)
	}
}

func TestMistypedArgumentsAreErrors(t *testing.T) {
	for args, want := range map[string]string{
		"version --ur=x":   "unknown long flag '--ur'",
		"versions":         `expected command but got "versions"`,
		"--log.level=loud": "unrecognized log level loud",
	} {
		if verb, _, err := parse(strings.Fields(args)...); verb != "" || err == nil || err.Error() != want {
			t.Errorf("%s: verb %q, error %v, want %s", args, verb, err, want)
		}
	}
}
