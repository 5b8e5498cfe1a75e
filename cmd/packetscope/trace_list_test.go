package main

import (
	"context"
	"errors"
	"testing"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/tracer"
)

func someFunctions() ([]tracer.Function, error) {
	return []tracer.Function{
		{Name: "ip_rcv", Argument: 1},
		{Name: "nft_do_chain", Module: "nf_tables", Argument: 1, Reason: errors.New("the kernel does not let it be traced")},
		{Name: "tcp_v4_rcv", Argument: 1},
	}, nil
}

func TestFunctionsAreListed(t *testing.T) {
	for _, c := range []struct {
		args      []string
		out, note string
	}{
		{[]string{"--list-functions"}, `FUNCTION      MODULE     ARGUMENT  TRACED
ip_rcv        -          1         yes
nft_do_chain  nf_tables  1         no: the kernel does not let it be traced
tcp_v4_rcv    -          1         yes
`, "3 functions: 2 can be traced on this kernel\n"},
		{[]string{"--list-functions", "^tcp_", "--json"}, `[
  {
    "function": "tcp_v4_rcv",
    "argument": 1
  }
]
`, ""},
	} {
		w, _ := newTraceWorld(nil, c.args...)
		w.env.functions = someFunctions
		if err := run(context.Background(), w.env); err != nil {
			t.Fatal(err)
		}
		if w.stdout.String() != c.out || w.stderr.String() != c.note {
			t.Errorf("%q prints\n%s%s, want\n%s%s", c.args, w.stdout, w.stderr, c.out, c.note)
		}
	}
}

func TestListsSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--list-functions", "("}, "pattern \"(\": error parsing regexp: missing closing ): `(`"},
		{[]string{"--functions=("}, "--functions \"(\": error parsing regexp: missing closing ): `(`"},
		{[]string{"--list-functions", "--list-hooks"}, "--list-functions and --list-hooks are two lists: ask for one"},
		{[]string{"--list-hooks"}, "attach the tracer: no BTF: the kernel does not describe its types (use a kernel built with CONFIG_DEBUG_INFO_BTF=y; in a container, mount /sys/kernel/btf)"},
	} {
		w, _ := newTraceWorld(nil, c.args...)
		w.env.functions = someFunctions
		if c.args[0] == "--list-hooks" {
			w.env.host.BTF = func() (*kernel.BTF, error) { return nil, kernel.Missing("BTF", "") }
		}
		if err := run(context.Background(), w.env); err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %s", c.args, err, c.want)
		}
	}
}

func TestFunctionsAreTracedByPattern(t *testing.T) {
	f := someTrace(t)
	f.missing = []tracer.Missing{{Hook: "tcp_bad_csum", Reason: errors.New("no such tracepoint")}, {Hook: tracer.FunctionHook, Reason: errors.New("no function can be traced")}}
	w, config := newTraceWorld(f, "--count=2", "--quiet", "--functions=^(tcp|ip)_")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if config.Functions == nil || !config.Functions.MatchString("tcp_v4_rcv") || config.Functions.MatchString("udp_rcv") {
		t.Errorf("functions %v", config.Functions)
	}
	if got, want := w.stderr.String(), "following packets (all); Ctrl-C ends it\nnot looked at: no function can be traced\n"; got != want {
		t.Errorf("notes %q, want %q", got, want)
	}
}

// TestHelpOfTrace keeps the whole text in files, as it is documentation.
func TestHelpOfTrace(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	for file, verb := range map[string][]string{
		"help_trace.txt":     {"help", "trace", "run"},
		"help_trace_why.txt": {"help", "trace", "why"},
	} {
		w := newWorld(verb...)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatal(err)
		}
		compareGolden(t, file, w.stdout.String())
	}
}
