package sys

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const statusText = "Name:\tsh\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nGroups:\t4 27 1000 \nCapInh:\t0000000000000000\n" +
	"CapPrm:\t0000000000000400\nCapEff:\t0000000000000401\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000002\nNoNewPrivs:\t1\nSeccomp:\t2\n"

func TestProcStatusIsReadWholly(t *testing.T) {
	s, err := ParseProcStatus(statusText)
	if err != nil {
		t.Fatal(err)
	}
	if s.UIDs != [4]uint32{1000, 1001, 1002, 1003} || s.GIDs != [4]uint32{5, 6, 7, 8} || !slices.Equal(s.Groups, []uint32{4, 27, 1000}) {
		t.Errorf("ids are %+v", s)
	}
	if s.CapPermitted != 0x400 || s.CapEffective != 0x401 || s.CapBounding != 1<<41-1 || s.CapAmbient != 2 || s.CapInheritable != 0 {
		t.Errorf("capabilities are %+v", s)
	}
	if !s.NoNewPrivs || s.Seccomp != 2 {
		t.Errorf("got %+v", s)
	}
}

// A line that is not there must not pass for one that says nothing.
func TestAnIncompleteProcStatusIsRefused(t *testing.T) {
	for line := range strings.Lines(statusText) {
		if name, _, _ := strings.Cut(line, ":"); name != "Name" {
			if s, err := ParseProcStatus(strings.Replace(statusText, line, "", 1)); err == nil {
				t.Errorf("without %s it is %+v", name, s)
			}
		}
	}
	if _, err := ParseProcStatus(strings.Replace(statusText, "1000\t1001", "1000", 1)); err == nil {
		t.Error("three user ids passed for four")
	}
}

func TestTheOwnProcStatus(t *testing.T) {
	s, err := ReadProcStatus(os.Getpid())
	if err != nil || s.UIDs[1] != uint32(os.Geteuid()) || s.GIDs[0] != uint32(os.Getgid()) {
		t.Errorf("got %+v, %v", s, err)
	}
}
