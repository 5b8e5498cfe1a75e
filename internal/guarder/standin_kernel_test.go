//go:build kernel && linux

package guarder

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
)

// standIn loads tables with a program of its own, which the verifier is done with at once:
// in an emulated machine it takes three seconds for the real one, each time that a policy
// is put in force. It does to datagrams over IPv4 what the first rule says, counts that,
// and passes everything else; so it fits noDatagrams.
func standIn(t *compile.Tables, o compile.LoadOptions) (*compile.Generation, error) {
	const name = "guard_stand_in"
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	credit, fate, verdict := t.Credits[0], bpf.GuardFatePassed, int32(2)
	if credit == compile.CreditDrop {
		fate, verdict = bpf.GuardFateDropped, 1
	}
	// add counts the packet in an entry of a map, at an offset of its value.
	add := func(m string, entry asm.Instruction, offset int16) asm.Instructions {
		return asm.Instructions{
			entry,
			asm.LoadMapPtr(asm.R1, 0).WithReference(m),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "pass"),
			asm.LoadMem(asm.R1, asm.R0, offset, asm.DWord),
			asm.Add.Imm(asm.R1, 1),
			asm.StoreMem(asm.R0, offset, asm.R1, asm.DWord),
			asm.LoadMem(asm.R1, asm.R0, offset+8, asm.DWord),
			asm.Add.Reg(asm.R1, asm.R7),
			asm.StoreMem(asm.R0, offset+8, asm.R1, asm.DWord),
		}
	}
	const data, dataEnd, device, typeAt, protocolAt, headers, ipv4, udp = 0, 4, 12, 12, 23, 34, 0x0008, 17
	program := asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, data, asm.Word),
		asm.LoadMem(asm.R7, asm.R1, dataEnd, asm.Word),
		asm.LoadMem(asm.R8, asm.R1, device, asm.Word),
		asm.Mov.Reg(asm.R3, asm.R2),
		asm.Add.Imm(asm.R3, headers),
		asm.JGT.Reg(asm.R3, asm.R7, "pass"),
		asm.LoadMem(asm.R4, asm.R2, typeAt, asm.Half),
		asm.JNE.Imm(asm.R4, ipv4, "pass"),
		asm.LoadMem(asm.R4, asm.R2, protocolAt, asm.Byte),
		asm.JNE.Imm(asm.R4, udp, "pass"),
		asm.Sub.Reg(asm.R7, asm.R2),
	}
	program = append(program, add(compile.MapCounts, asm.StoreImm(asm.RFP, -4, int64(o.Slots[0]), asm.Word), int16(credit)*16)...)
	program = append(program, add(compile.MapDevices, asm.StoreMem(asm.RFP, -4, asm.R8, asm.Word), int16(fate)*16)...)
	program = append(program,
		asm.Mov.Imm(asm.R0, verdict),
		asm.Return(),
		asm.Mov.Imm(asm.R0, 2).WithSymbol("pass"),
		asm.Return(),
	)
	spec.Programs[name] = &ebpf.ProgramSpec{
		Name: name, Type: ebpf.XDP, AttachType: ebpf.AttachXDP, License: "MIT", Instructions: program,
	}
	return t.LoadProgram(spec, name, o)
}
