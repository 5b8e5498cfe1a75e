package vmtest

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestFindSuites(t *testing.T) {
	module := fstest.MapFS{
		"bpf/abi_test.go":                 {Data: []byte("package bpf\nfunc TestPlain() {}\n")},
		"bpf/testdata/x_kernel_test.go":   {Data: []byte("not Go")},
		"internal/a/drop_kernel_test.go":  {Data: []byte("package a\nfunc TestMain() {}\nfunc TestDrop() {}\n")},
		"internal/a/load_kernel_test.go":  {Data: []byte("package a\nfunc helper() {}\nfunc TestLoad() { testnet.Hooks() }\n")},
		"internal/b/queue_kernel_test.go": {Data: []byte("package b\nfunc TestQueue() {}\n")},
		// The folder comes before the second file of its parent.
		"internal/b/sub/x_kernel_test.go": {Data: []byte("package sub\nfunc TestX() {}\n")},
		"internal/b/wait_kernel_test.go":  {Data: []byte("package b\nfunc TestWait() {}\n")},
	}
	suites, err := FindSuites(module)
	if err != nil {
		t.Fatal(err)
	}
	a := Suite{Package: "internal/a", Tests: []string{"TestDrop", "TestLoad"}, ByHooks: true}
	b := Suite{Package: "internal/b", Tests: []string{"TestQueue", "TestWait"}}
	sub := Suite{Package: "internal/b/sub", Tests: []string{"TestX"}}
	if diff := cmp.Diff([]Suite{a, b, sub}, suites); diff != "" {
		t.Errorf("suites (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Suite{a, b, sub}, For(suites, "auto")); diff != "" {
		t.Errorf("suites for auto (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Suite{a}, For(suites, "kprobe")); diff != "" {
		t.Errorf("suites for kprobe (-want +got):\n%s", diff)
	}
}

func TestShares(t *testing.T) {
	of := func(packages ...string) (suites []Suite) {
		for _, p := range packages {
			suites = append(suites, Suite{Package: p})
		}
		return suites
	}
	attack := func(tests ...string) Suite { return Suite{Package: "internal/guarder/attack", Tests: tests} }
	engine := func(tests ...string) Suite { return Suite{Package: "internal/guarder", Tests: tests} }
	got := Shares(append(of("internal/guarder/nft", "internal/guarder/compile", "internal/guarders", "internal/stack"),
		attack("A", "B", "C", "D"), engine("D", "E")))
	want := map[string][]Suite{
		"":         of("internal/guarders", "internal/stack"),
		"guarder":  of("internal/guarder/nft"),
		"guarder1": {engine("D")},
		"guarder2": {engine("E")},
		"compile":  of("internal/guarder/compile"),
		"attack1":  {attack("A", "D")},
		"attack2":  {attack("B")},
		"attack3":  {attack("C")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shares (-want +got):\n%s", diff)
	}
	if got := Shares(nil); len(got) != 0 {
		t.Errorf("shares of nothing: %v", got)
	}
}
