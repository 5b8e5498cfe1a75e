package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestNoModelIsAskedFromHere: the program has privileges, and the libraries by which the
// annotator asks models, which come by way of any package that imports them, are not in it.
func TestNoModelIsAskedFromHere(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if !ok || len(info.Deps) == 0 {
		t.Fatal("it is not known what is linked")
	}
	linked := ""
	for _, d := range info.Deps {
		linked += d.Path + "\n"
	}
	for _, path := range []string{"github.com/openai/", "go.etcd.io/bbolt"} {
		if strings.Contains(linked, path) {
			t.Errorf("%s is linked", path)
		}
	}
	if !strings.Contains(linked, "github.com/cilium/ebpf\n") {
		t.Errorf("it does not tell what is linked:\n%s", linked)
	}
}
