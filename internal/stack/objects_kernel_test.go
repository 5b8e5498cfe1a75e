//go:build kernel

package stack

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
)

// A program of a family that this kernel lacks can be verified all the same, or is
// refused for another reason.
func TestVerifierAcceptsEveryProgram(t *testing.T) {
	oncePerKernel(t)
	o, err := newObjects(Config{SampleEvery: 16, Watches: []Watch{{Name: "a"}}}, namespaces{scope: 1, own: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	accepted := 0
	for family, files := range o.files {
		for _, file := range files {
			for name := range file.spec.Programs {
				prog, err := o.load(family, name)
				var refused *ebpf.VerifierError
				switch {
				case err == nil:
					prog.Close()
					accepted++
				case errors.As(err, &refused) && len(refused.Log) > 0: // else it has not looked
					t.Errorf("%s program %q: %+v", family, name, refused)
				}
			}
		}
	}
	if accepted == 0 {
		t.Error("no program was accepted")
	}
}
