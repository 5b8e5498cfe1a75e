package compile

import (
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// A table is what the program finds in a section of its own.
type table struct {
	section string
	operand bpf.GuardOperand // that has its greatest index
	last    int
	content []byte
	written bool // by the program
}

// tableOf returns a table of a power of two entries and room for more of a row or node.
func tableOf[T any](section string, operand bpf.GuardOperand, entries []T, room int) table {
	entries = padded(entries)
	return table{
		section: section, operand: operand, last: len(entries) - 1,
		content: bytesOf(append(entries, make([]T, room)...)),
	}
}

// table returns Words and Pages. It is as long as they are.
func (b *Blocks) table() table {
	return table{
		section: ".data.words", operand: bpf.GuardWords, last: len(b.Words) + len(b.Pages) - 1,
		content: slices.Concat(bytesOf(b.Words), bytesOf(b.Pages), make([]byte, 8*cacheLine)),
	}
}

// tables returns all of them.
func (t *Tables) tables(o LoadOptions) []table {
	slots := o.Slots
	if slots == nil {
		for r := range t.Credits {
			slots = append(slots, uint32(r))
		}
	}
	samplings := tableOf(".data.samplings", bpf.GuardSamplings, t.samplings(o.MaxSamples), 0)
	samplings.written = true
	states := t.States
	if states == nil {
		states = make([]bpf.GuardState, 1)
	}
	// The number of a bit in a word comes from a table of bytes, and the verifier believes
	// no more than that.
	const aByte = 256
	return []table{
		samplings,
		tableOf(".data.states", bpf.GuardStates, states, 0),
		tableOf(".data.memberships", bpf.GuardMemberships, t.Memberships, 0),
		tableOf(".data.any4", bpf.GuardAny4, t.Blocks.Any4, 0),
		tableOf(".data.blocks4", bpf.GuardBlocks4, t.Blocks.Blocks4, 0),
		tableOf(".data.any6", bpf.GuardAny6, t.Blocks.Any6, 0),
		t.Blocks.table(),
		tableOf(".data.rows", bpf.GuardRows, t.Rows, int(lead)+rowWords+len(t.First)),
		tableOf(".data.dense", bpf.GuardDense, t.Dense, int(lead)+len(t.First)),
		tableOf(".data.index", bpf.GuardIndex, t.Index, 0),
		tableOf(".data.trie4", bpf.GuardTrie4, t.Trie4, 0),
		tableOf(".data.trie6", bpf.GuardTrie6, t.Trie6, nodeChildren+1<<maxChoice),
		tableOf(".data.first", bpf.GuardFirst, t.First, 0),
		tableOf(".data.lines", bpf.GuardLines, t.Lines, aByte),
		tableOf(".data.filters", bpf.GuardFilters, t.Filters, 0),
		tableOf(".data.conditions", bpf.GuardConditions, t.Conditions, 0),
		tableOf(".data.atoms", bpf.GuardAtoms, t.Atoms, 0),
		tableOf(".data.tests", bpf.GuardTests, t.Tests, 0),
		tableOf(".data.slots", bpf.GuardSlots, slots, 0),
		tableOf(".data.bannings", bpf.GuardBannings, t.bannings(o.Bans), 0),
	}
}

// place makes tables the contents of their sections, which are declared with a few
// entries.
func place(spec *ebpf.CollectionSpec, tables []table) {
	for _, table := range tables {
		m := spec.Maps[table.section]
		m.ValueSize = uint32(len(table.content))
		m.Key, m.Value = nil, nil // the C type would say how long it is
		m.Contents = []ebpf.MapKV{{Key: uint32(0), Value: table.content}}
		if !table.written {
			m.Flags |= unix.BPF_F_RDONLY_PROG
		}
		for name, v := range spec.Variables {
			if v.SectionName == table.section {
				delete(spec.Variables, name)
			}
		}
	}
}

// operands puts numbers of the tables into the instructions of a program: where C has
// an operand from bpf.Operand on.
func (t *Tables) operands(program *ebpf.ProgramSpec, tables []table) {
	var values [bpf.GuardOperands]int
	values[bpf.GuardSummaries] = t.Summaries
	for _, table := range tables {
		values[table.operand] = table.last
	}
	for i := range program.Instructions {
		ins := &program.Instructions[i]
		which := ins.Constant - bpf.Operand
		if class := ins.OpCode.Class(); !class.IsALU() && !class.IsJump() || ins.OpCode.Source() != asm.ImmSource || which < 0 || which >= int64(len(values)) {
			continue
		}
		ins.Constant = int64(values[which])
	}
}
