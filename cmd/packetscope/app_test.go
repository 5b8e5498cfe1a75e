package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/config"
)

func TestHelpAndVersionAreNotErrors(t *testing.T) {
	for _, c := range []struct {
		args, want string
	}{
		{"--help", "usage: packetscope [<flags>] <command>"},
		{"-h", "usage: packetscope [<flags>] <command>"},
		{"help serve", "usage: packetscope serve [<flags>]"},
		{"locate --help", "usage: packetscope locate <command> [<args> ...]"},
		{"help locate run", "usage: packetscope locate run [<flags>] <destination>..."},
		{"help locate diff", "usage: packetscope locate diff --path=DIR [<flags>] <destination>"},
		{"doctor --help", "usage: packetscope doctor [<flags>]"},
		{"--version", "packetscope, version "},
		{"version", "packetscope, version "},
	} {
		w := newWorld(strings.Fields(c.args)...)
		if err := run(context.Background(), w.env); err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		if got := w.stdout.String(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s prints %q, want %q first", c.args, got, c.want)
		}
		if w.opened != nil {
			t.Errorf("%s attaches probes", c.args)
		}
	}
}

func TestMistypedArgumentsAreErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--confg.file=x":   "unknown long flag '--confg.file'",
		"serve doctor":     "unexpected doctor",
		"--log.level=loud": `unrecognized log level loud`,
	} {
		w := newWorld(strings.Fields(args)...)
		err := run(context.Background(), w.env)
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", args, err, want)
		}
	}
}

func TestErrorsArePrintedForTheirReader(t *testing.T) {
	_, faults := config.Parse("a.yaml", []byte("x: 1\ny: 2\n"), config.Names{})
	for want, err := range map[string]error{
		"packetscope: port in use\n": errors.New("port in use"),
		"a.yaml:1:1: unknown key \"x\" in the file (known: alerting, drops, flows, geo, guarder, locator, series_limit, stack, watches)\n" +
			"a.yaml:2:1: unknown key \"y\" in the file (known: alerting, drops, flows, geo, guarder, locator, series_limit, stack, watches)\n": faults,
	} {
		var got bytes.Buffer
		printError(&got, err)
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("printed (-want +got):\n%s", diff)
		}
	}
}
