package vmtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A Suite is the kernel-lane tests of one package.
type Suite struct {
	// Package is the folder of the package, relative to the module.
	Package string
	// Tests are the top-level tests in its files named *_kernel_test.go. The
	// other tests of the package need no kernel and are not run here.
	Tests []string
	// ByHooks says that the tests ask testnet.Hooks which family to force, so
	// they are worth running once for each.
	ByHooks bool
}

// FindSuites returns the suites of a module in the order of their folders.
func FindSuites(module fs.FS) ([]Suite, error) {
	var suites []Suite
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || len(entry.Name()) > 1 && entry.Name()[0] == '.') {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_kernel_test.go") {
			return nil
		}
		// Folders come among the files of their parent, by name.
		dir := path.Dir(name)
		at := slices.IndexFunc(suites, func(s Suite) bool { return s.Package == dir })
		if at < 0 {
			at = len(suites)
			suites = append(suites, Suite{Package: dir})
		}
		return suites[at].addFile(module, name)
	})
	return suites, err
}

func (s *Suite) addFile(module fs.FS, name string) error {
	source, err := fs.ReadFile(module, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse kernel tests: %w", err)
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
			s.Tests = append(s.Tests, f.Name.Name)
		}
	}
	s.ByHooks = s.ByHooks || bytes.Contains(source, []byte("testnet.Hooks()"))
	return nil
}

// For returns the suites to run with a hook family forced: all of them with
// "auto", else those that care.
func For(suites []Suite, hooks string) []Suite {
	var chosen []Suite
	for _, s := range suites {
		if hooks == "auto" || s.ByHooks {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// apart are the folders whose tests have machines of their own: Guarder's programs are by
// far the largest, and to verify one takes an emulated machine seconds; the Locator's tests
// wait for hundreds of round trips; the Tracer's attach to hundreds of functions; commands
// look at traffic for a while, and wait for rules to end. A folder within another stands
// behind it.
var apart = []string{"cmd/packetscope", "internal/guarder", "internal/guarder/compile", "internal/guarder/attack", "internal/locator", "internal/tracer"}

// parted are the folders whose tests are too many for one machine, and how many they have.
var parted = map[string]int{"internal/guarder": 2, "internal/guarder/attack": 3}

// Shares splits the suites among machines, so that none of them runs for long. A share
// has at least one suite; its name is "" or tells what it is of.
func Shares(suites []Suite) map[string][]Suite {
	shares := make(map[string][]Suite)
	for _, s := range suites {
		name := ""
		for _, folder := range apart {
			if s.Package == folder || strings.HasPrefix(s.Package, folder+"/") {
				name = path.Base(folder)
			}
		}
		n := parted[s.Package]
		if n == 0 {
			shares[name] = append(shares[name], s)
			continue
		}
		// Tests that are neighbours load policies of one size, so they take turns.
		for part := range min(n, len(s.Tests)) {
			some := s
			some.Tests = nil
			for i := part; i < len(s.Tests); i += n {
				some.Tests = append(some.Tests, s.Tests[i])
			}
			name := fmt.Sprintf("%s%d", name, part+1)
			shares[name] = append(shares[name], some)
		}
	}
	return shares
}
