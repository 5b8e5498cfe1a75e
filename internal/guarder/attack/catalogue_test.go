package attack

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

var update = flag.Bool("update", false, "write rules/guarder/ATTACKS.md")

// ready is the folder of the ready-made policies.
const ready = "../../../rules/guarder"

// notYet are attacks of the core without a test, or whose rules do not stop all that they
// should yet. One that has both must go from here.
var notYet = map[int]string{}

// shippedRules returns what the ready-made policies do with each rule, as "`FILE`: GROUP/RULE,
// MODE", by GROUP/RULE.
func shippedRules(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(ready + "/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	shipped := map[string]string{}
	for _, file := range files {
		file = strings.TrimSuffix(file, "_test.yaml") + ".yaml"
		p, faults := policy.Load([]string{file}, policy.Options{})
		if p == nil {
			t.Fatal(faults)
		}
		base := filepath.Base(file)
		for _, r := range p.Rules {
			name := r.Group + "/" + r.Name
			if r.Stage != policy.Failsafe && shipped[name] != "" {
				t.Errorf("%s: rule %s is in another file, too", file, name)
			}
			shipped[name] = fmt.Sprintf("`%s`: %s (%v)", base, name, r.Mode)
		}
		if base == "baseline.yaml" {
			shipped["unparsable"] = fmt.Sprintf("`%s`: unparsable (%v)", base, p.UnparsableMode)
		}
	}
	return shipped
}

// sources returns in which package below internal/guarder each test is.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				found[f.Name.Name] = filepath.ToSlash(filepath.Join("internal/guarder", filepath.Dir(strings.TrimPrefix(path, "../"))))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestCatalogueIsComplete fails for a rule that is not shipped, a test that does not exist,
// and an attack of the core without either.
func TestCatalogueIsComplete(t *testing.T) {
	rules, tests := shippedRules(t), sources(t)
	for i, a := range Catalogue {
		if a.Number != i+1 || a.Name == "" || a.Reference == "" {
			t.Errorf("entry %d has the number %d, the name %q and the reference %q", i+1, a.Number, a.Name, a.Reference)
		}
		for _, rule := range a.Rules {
			if rules[rule] == "" {
				t.Errorf("%d: no policy has the rule %s", a.Number, rule)
			}
		}
		for _, test := range a.Tests {
			if tests[test] == "" {
				t.Errorf("%d: there is no test %s", a.Number, test)
			}
		}
		done := len(a.Rules) > 0 && len(a.Tests) > 0
		switch missing, open := notYet[a.Number]; {
		case open && done:
			t.Errorf("%d has rules and tests, so %q should go from notYet", a.Number, missing)
		case a.Core && !open && !done:
			t.Errorf("%d: rules %v, tests %v", a.Number, a.Rules, a.Tests)
		case len(a.Tests) > 0 && len(a.Rules) == 0:
			t.Errorf("%d: tests, but no rules", a.Number)
		}
	}
}

// document is what ATTACKS.md says.
func document(t *testing.T) string {
	rules, tests := shippedRules(t), sources(t)
	var b strings.Builder
	b.WriteString(heading)
	for _, a := range Catalogue {
		star := ""
		if a.Core {
			star = " ★"
		}
		var by, with []string
		for _, rule := range a.Rules {
			by = append(by, rules[rule])
		}
		for _, test := range a.Tests {
			with = append(with, fmt.Sprintf("`%s`", test))
		}
		left := a.Left
		switch missing, open := notYet[a.Number]; {
		case open:
			with = append(with, "not yet: "+missing)
		case len(a.Rules) == 0:
			by = append(by, "none")
		}
		fmt.Fprintf(&b, "| %d%s | %s | %s | %s | %s | %s |\n", a.Number, star, a.Name, a.Reference,
			strings.Join(by, "<br>"), strings.Join(with, "<br>"), left)
	}
	b.WriteString("\nThe tests are in:\n\n")
	packages := map[string][]string{}
	for _, a := range Catalogue {
		for _, test := range a.Tests {
			if in := tests[test]; !slices.Contains(packages[in], test) {
				packages[in] = append(packages[in], test)
			}
		}
	}
	for _, in := range slices.Sorted(maps.Keys(packages)) {
		fmt.Fprintf(&b, "* [`%s`](../../%s): %s\n", in, in, "`"+strings.Join(packages[in], "`, `")+"`")
	}
	return b.String()
}

const heading = `# Attacks, and what is for them

This page is made from [the catalogue](../../internal/guarder/attack/catalogue.go) and from the policies beside it:

    go test ./internal/guarder/attack -run TestAttacksAreDocumented -update

★ are the attacks that Guarder is for. Each has tests on a real kernel, in network namespaces: the attack works on a bare
host, or its packets are seen there; with the policy they are stopped if the rule is enforced, and counted if it is
audited; and what resembles them passes in both cases. *enforce* and *audit* are how the policies come; an audited rule
tells of the attack and stops nothing until you say so (README.md, "From reading to enforcing"). A rule that
no test here is about has cases beside its policy all the same, which "packetscope guard test" runs.

| | attack | reference | rules | tests | what is left |
| --- | --- | --- | --- | --- | --- |
`

// TestAttacksAreDocumented compares ATTACKS.md with the catalogue.
func TestAttacksAreDocumented(t *testing.T) {
	const file = ready + "/ATTACKS.md"
	want := document(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s (-want +got; write it with -update):\n%s", file, diff)
	}
}
