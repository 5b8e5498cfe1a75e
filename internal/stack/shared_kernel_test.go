//go:build kernel && linux

package stack

import (
	"slices"
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

// Opening an engine takes long in an emulated machine. So one engine with the default
// configuration, in the left one of two namespaces, serves all tests that leave it and
// the namespaces as they were.
var common struct {
	net     *testnet.Net
	lab     *lab
	process *process
}

// shared returns the common namespaces and engine.
func shared(t *testing.T) (*testnet.Net, *lab) {
	t.Helper()
	if common.lab == nil {
		common.process = &process{TB: t}
		common.net = testnet.New(common.process)
		common.lab = open(common.process, common.net.Left, Config{Disable: []string{GroupDrops}})
	}
	return common.net, common.lab
}

// A process is a test that ends with the test binary.
type process struct {
	testing.TB // the test that comes first
	cleanups   []func()
}

func (p *process) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

// Log is called when the test that came first is long over.
func (p *process) Log(...any) {}

func (p *process) end() {
	for _, f := range slices.Backward(p.cleanups) {
		f()
	}
}

// oncePerKernel skips a test that no forced hook family would change.
func oncePerKernel(t *testing.T) {
	t.Helper()
	if testnet.Hooks() != "auto" {
		t.Skip("is the same with every hook family; runs in the auto lane")
	}
}
