//go:build kernel

package compile

import (
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// maxVerified is how much the verifier may look at for 10,000 rules, so that an
// update is quick; the kernel's limit is a million.
const maxVerified = 350_000

func TestVerifierHasLittleToDo(t *testing.T) {
	m := workload.New(newMaker(t).Uint64())
	tables, err := Compile(workload.Policy(m.Rules(10_000)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tables.UnparsableSamples = &policy.Sampling{Rate: 1, Snap: 128}
	g := loaded(t, tables, LoadOptions{Hits: true, MaxSamples: 1000})
	defer g.Close()
	info, err := g.Program.Info()
	if err != nil {
		t.Fatal(err)
	}
	n, known := info.VerifiedInstructions()
	t.Logf("%d instructions verified", n)
	if known && n > maxVerified {
		t.Errorf("%d instructions are verified, more than %d", n, maxVerified)
	}
}
