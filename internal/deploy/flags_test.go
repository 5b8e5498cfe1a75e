package deploy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/collector"
)

// webFlags are those of the toolkit by which an exporter listens.
var webFlags = []string{"web.listen-address", "web.config.file", "web.systemd-socket"}

// flagsOf returns the names of all flags of a program, of whatever verb, as its sources
// have them.
func flagsOf(t *testing.T, program string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "cmd", program, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources of %s: %v", program, err)
	}
	flags := map[string]bool{"help": true, "log.level": true, "log.format": true}
	if program == "packetscope" { // which makes these flags of a table
		for _, s := range collector.Switches {
			flags["collector."+s.Name] = true
		}
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			if strings.HasSuffix(imported.Path.Value, `/web/kingpinflag"`) {
				for _, flag := range webFlags {
					flags[flag] = true
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			literal, text := call.Args[0].(*ast.BasicLit)
			if ok && text && method.Sel.Name == "Flag" {
				if flag, err := strconv.Unquote(literal.Value); err == nil {
					flags[flag] = true
				}
			}
			return true
		})
	}
	return flags
}

// unknownFlags returns those of a command line that the program does not have.
func unknownFlags(flags map[string]bool, arguments []string) []string {
	var unknown []string
	for _, argument := range arguments {
		name, long := strings.CutPrefix(argument, "--")
		name, _, _ = strings.Cut(name, "=")
		if long && !flags[name] && !flags[strings.TrimPrefix(name, "no-")] {
			unknown = append(unknown, argument)
		}
	}
	return unknown
}

// TestFlagsAreThoseOfThePrograms reads every command line that is shipped: a flag that is
// renamed would keep a service from starting that nobody starts here.
func TestFlagsAreThoseOfThePrograms(t *testing.T) {
	type line struct {
		where, program string
		arguments      []string
	}
	var all []line
	program := func(image string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(image, own), ":")
		return name
	}
	for name, s := range load(t).Services {
		if strings.HasPrefix(s.Image, own) {
			all = append(all, line{"compose.yaml: " + name, program(s.Image), append(s.Command, s.HealthCheck.Test...)})
		}
	}
	for _, name := range []string{"kubernetes.yaml", "kubernetes-annotator.yaml", "kubernetes-guard.yaml"} {
		c := readManifest(t, name).workload.Spec.Template.Spec.Containers[0]
		all = append(all, line{name, program(c.Image), append(c.Args, c.StartupProbe.Exec.Command...)})
	}
	for _, name := range []string{"packetscope", "packetscope-guard", "packetscope-annotator"} {
		for _, command := range settings(read(t, folder+name+".service"), "ExecStart") {
			words := strings.Fields(command)
			all = append(all, line{name + ".service", filepath.Base(words[0]), words})
		}
	}
	if len(all) < 12 {
		t.Errorf("only %d command lines were found", len(all))
	}
	for _, l := range all {
		if unknown := unknownFlags(flagsOf(t, l.program), l.arguments); len(unknown) > 0 {
			t.Errorf("%s: %s has no flags %q", l.where, l.program, unknown)
		}
	}
	if got := unknownFlags(flagsOf(t, "packetscope-annotator"), []string{"serve", "--web.listen-addres=:1", "--config.file=x"}); len(got) != 1 {
		t.Errorf("a flag that is misspelt is not found: %q", got)
	}
}
