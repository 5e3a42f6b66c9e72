package seccomp

import (
	"encoding/binary"
	"fmt"
	"slices"

	"systemg.org/sysg/pkg/generation"
)

// An instruction of classic BPF: struct sock_filter of linux/filter.h.
type instruction struct {
	code   uint16
	jt, jf uint8 // how many instructions to leave out
	k      uint32
}

// Codes of linux/bpf_common.h that a filter needs.
const (
	loadWord   = 0x20 // BPF_LD | BPF_W | BPF_ABS: k is an offset into struct seccomp_data
	jumpAlways = 0x05 // BPF_JMP | BPF_JA
	jumpEqual  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	jumpLeast  = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	jumpBits   = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	returns    = 0x06 // BPF_RET | BPF_K
)

// Offsets in struct seccomp_data (linux/seccomp.h), little-endian.
const (
	offsetNumber    = 0
	offsetArch      = 4
	offsetArguments = 16 // six of 8 bytes, the lower half first
)

// Compile makes the filter of a profile for a machine, by its name in Go.
func Compile(goarch string, p Profile) (*generation.Seccomp, error) {
	m, err := machineOf(goarch)
	if err != nil {
		return nil, err
	}
	calls := m.numbers()
	rules, err := p.rules(calls)
	if err != nil {
		return nil, err
	}
	name := p.Name
	if name == "" {
		name = Custom
	}
	return &generation.Seccomp{Name: name, Filter: encode(program(m.arch, stretches(calls, rules)))}, nil
}

// stretch is a run of numbers with one rule: from its first one to the next's.
type stretch struct {
	first uint32
	rule  rule
}

// stretches orders the rules by number. What is between and behind the known
// numbers is absent.
func stretches(calls map[string]uint32, rules map[string]rule) []stretch {
	byNumber := make(map[uint32]rule, len(calls))
	var last uint32
	for name, number := range calls {
		byNumber[number] = rules[name]
		last = max(last, number)
	}
	var found []stretch
	for number := uint32(0); number <= last+1; number++ {
		r, known := byNumber[number]
		if !known {
			r = rule{action: enosys}
		}
		if len(found) == 0 || found[len(found)-1].rule != r {
			found = append(found, stretch{number, r})
		}
	}
	return found
}

// program is the whole filter.
func program(arch uint32, all []stretch) []instruction {
	return slices.Concat([]instruction{
		{code: loadWord, k: offsetArch},
		{code: jumpEqual, jt: 1, k: arch},
		{code: returns, k: uint32(kill)},
		{code: loadWord, k: offsetNumber},
	}, search(all))
}

// search is a binary tree: a list would cost an instruction for each call on
// kernels before 5.11, which ask the filter anew every time.
func search(all []stretch) []instruction {
	if len(all) == 1 {
		return all[0].rule.instructions()
	}
	half := len(all) / 2
	below, above := search(all[:half]), search(all[half:])
	jump := []instruction{{code: jumpLeast, jt: uint8(len(below)), k: all[half].first}}
	if len(below) > 255 { // jt has 8 bits only.
		jump = []instruction{{code: jumpLeast, jf: 1, k: all[half].first}, {code: jumpAlways, k: uint32(len(below))}}
	}
	return slices.Concat(jump, below, above)
}

func (r rule) instructions() []instruction {
	if r.look == nil {
		return []instruction{{code: returns, k: uint32(r.action)}}
	}
	out := []instruction{{code: loadWord, k: offsetArguments + 8*r.look.argument}}
	if r.look.bits != 0 {
		out = append(out, instruction{code: jumpBits, jf: 1, k: r.look.bits})
	}
	for i, value := range r.look.values {
		out = append(out, instruction{code: jumpEqual, jt: uint8(len(r.look.values) - i), k: value})
	}
	return append(out,
		instruction{code: returns, k: uint32(r.look.otherwise)},
		instruction{code: returns, k: uint32(r.action)})
}

func encode(program []instruction) []byte {
	out := make([]byte, 0, 8*len(program))
	for _, i := range program {
		out = binary.LittleEndian.AppendUint16(out, i.code)
		out = append(out, i.jt, i.jf)
		out = binary.LittleEndian.AppendUint32(out, i.k)
	}
	return out
}

// machineOf finds a machine by its name in Go.
func machineOf(goarch string) (machine, error) {
	for _, m := range machines {
		if m.goarch == goarch {
			return m, nil
		}
	}
	return machine{}, fmt.Errorf("cannot compile a seccomp filter for %s: this build knows the system calls of amd64 and arm64", goarch)
}
