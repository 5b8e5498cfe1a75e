//go:build vm

package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/debian"
)

// Emulation is 10 to 50 times slower than the host.
const (
	suiteTimeout   = 15 * time.Minute
	machineTimeout = 20 * time.Minute
)

// suitesVariable is a regular expression: only suites whose package it matches are
// run, as when one of them is being worked on.
const suitesVariable = "PACKETSCOPE_TEST_SUITES"

// TestKernels runs every suite of the kernel lane on every kernel with every
// hook family that the kernel is to be tested with.
func TestKernels(t *testing.T) {
	requireTools(t, "qemu-system-x86_64", "apt-get", "apt-cache", "dpkg-deb", "xz")
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := debian.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	l := &lane{build: Build{Module: module, Dir: t.TempDir()}, cache: cache}
	l.compile(t)
	for _, k := range Kernels {
		t.Run(k.Version, func(t *testing.T) {
			image, err := k.Fetch(t.Context(), cache)
			if err != nil {
				unavailable(t, err)
			}
			modules, err := image.Modules(t.Context(), WantedModules)
			if err != nil {
				t.Fatal(err)
			}
			// A machine keeps one processor of the host busy. Fetching is not
			// parallel: apt-get may have to update.
			t.Parallel()
			for _, hooks := range k.Hooks {
				for share, suites := range Shares(For(l.suites, hooks)) {
					name := strings.TrimSuffix(hooks+"-"+share, "-")
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						l.boot(t, image, modules, suites, hooks, name)
					})
				}
			}
		})
	}
}

// A lane is what all machines share.
type lane struct {
	build    Build
	cache    string
	init     string
	suites   []Suite
	binaries map[string]string // by package
}

func (l *lane) compile(t *testing.T) {
	t.Helper()
	var err error
	if l.init, err = l.build.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.suites, err = FindSuites(os.DirFS(l.build.Module)); err != nil {
		t.Fatal(err)
	}
	wanted, err := regexp.Compile(os.Getenv(suitesVariable))
	if err != nil {
		t.Fatalf("%s: %v", suitesVariable, err)
	}
	l.suites = slices.DeleteFunc(l.suites, func(s Suite) bool { return !wanted.MatchString(s.Package) })
	if len(l.suites) == 0 {
		t.Fatal("no package has kernel-lane tests")
	}
	l.binaries = make(map[string]string)
	for _, s := range l.suites {
		if l.binaries[s.Package], err = l.build.Suite(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// boot runs one machine and reports each test of it as a subtest.
func (l *lane) boot(t *testing.T, image Image, modules []Module, suites []Suite, hooks, name string) {
	name = image.Release + "-" + name
	m := Machine{
		Kernel:    image.Kernel(),
		Initramfs: filepath.Join(l.build.Dir, name+".cpio"),
		Console:   filepath.Join(l.build.Dir, name+".console"),
	}
	if err := l.pack(m.Initramfs, modules, suites, hooks); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(m.Initramfs) // one can be 100 MB
	ctx, cancel := context.WithTimeoutCause(t.Context(), machineTimeout,
		fmt.Errorf("gave up after %v", machineTimeout))
	defer cancel()
	report, err := m.Boot(ctx)
	if report.Release != image.Release {
		err = errors.Join(err, fmt.Errorf("booted kernel %q, want %q", report.Release, image.Release))
	}
	if err != nil {
		t.Error(err)
	}
	for _, s := range suites {
		t.Run(s.Package, func(t *testing.T) { verify(t, s, report.Suite(s.Package)) })
	}
	if t.Failed() {
		l.keepConsole(t, m.Console)
	}
}

func (l *lane) pack(file string, modules []Module, suites []Suite, hooks string) error {
	var r Initramfs
	if err := r.AddInit(l.init); err != nil {
		return err
	}
	r.AddModules(modules)
	for _, s := range suites {
		err := r.AddSuite(l.build.Module, l.binaries[s.Package], Run{
			Package: s.Package,
			Tests:   s.Tests,
			Env:     []string{"PACKETSCOPE_TEST_HOOKS=" + hooks},
			Timeout: suiteTimeout,
		})
		if err != nil {
			return err
		}
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = r.WriteTo(out)
	return errors.Join(err, out.Close())
}

// verify turns the report of a suite into subtests. A test that did not end has
// failed, and so has a suite that fails outside its tests.
func verify(t *testing.T, s Suite, report SuiteReport) {
	for _, name := range s.Tests {
		t.Run(name, func(t *testing.T) {
			switch got := report.Test(name); got.Outcome {
			case "PASS":
				t.Logf("took %s there", got.Took)
			case "SKIP":
				t.Skip(got.Output)
			case "FAIL":
				t.Error("\n" + got.Output)
			default:
				t.Error("did not end")
			}
		})
	}
	if report.Status != "" {
		t.Errorf("test binary: %s\n%s", report.Status, report.Output)
	}
}

// keepConsole saves what the kernel printed, and prints the end of it.
func (l *lane) keepConsole(t *testing.T, console string) {
	data, err := os.ReadFile(console)
	if err != nil {
		t.Log(err)
		return
	}
	kept := filepath.Join(l.cache, filepath.Base(console))
	if err := os.WriteFile(kept, data, 0o644); err != nil {
		t.Log(err)
	}
	const enough = 4000
	t.Logf("kernel's console, also in %s:\n%s", kept, data[max(0, len(data)-enough):])
}

func requireTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			unavailable(t, fmt.Errorf("%w (make deps, as root, installs it on Debian)", err))
		}
	}
}

// unavailable skips the lane for a user who cannot help it, and fails otherwise.
func unavailable(t *testing.T, err error) {
	t.Helper()
	if os.Geteuid() == 0 || os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("vm lane: %v", err)
}
