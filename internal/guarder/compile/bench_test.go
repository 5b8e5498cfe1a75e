package compile

import (
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/workload"
)

func BenchmarkCompile(b *testing.B) {
	p := workload.Policy(workload.New(1).Rules(10_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(p, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
