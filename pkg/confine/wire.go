package confine

import (
	"encoding/json"
	"errors"
	"fmt"

	"systemg.org/sysg/pkg/generation"
)

// maxLaunch bounds the text of a Launch, in bytes. The kernel lets arguments
// and environment have 6 MiB together at most.
const maxLaunch = 16 << 20

// wire is a Launch on its way to the staged process. Its texts are bytes,
// since JSON strings hold UTF-8 only, and an environment may hold anything.
type wire struct {
	Argv     [][]byte            `json:"argv"`
	Env      [][]byte            `json:"env"`
	Dir      []byte              `json:"dir"`
	Umask    uint32              `json:"umask"`
	Rlimits  []generation.Rlimit `json:"rlimits,omitempty"`
	Nice     *int                `json:"nice,omitempty"`
	OOMScore *int                `json:"oom_score_adj,omitempty"`

	Affinity   []uint64 `json:"cpu_affinity,omitempty"`
	IOPriority int      `json:"ionice,omitempty"`
	NoNewPrivs bool     `json:"no_new_privs,omitempty"`
	// Confinement has no text but paths that a manifest can name, which are UTF-8.
	Confinement *generation.Confinement `json:"confinement,omitempty"`
	Joined      bool                    `json:"joined,omitempty"`
	Passed      []int                   `json:"passed,omitempty"`
	OwnPID      []string                `json:"own_pid,omitempty"`
}

func encode(l *Launch) ([]byte, error) {
	return json.Marshal(wire{
		Argv: toBytes(l.Argv), Env: toBytes(l.Env), Dir: []byte(l.Dir), Umask: l.Umask,
		Rlimits: l.Rlimits, Nice: l.Nice, OOMScore: l.OOMScore,
		Affinity: l.Affinity, IOPriority: l.IOPriority, NoNewPrivs: l.NoNewPrivs, Confinement: l.Confinement, Joined: l.Joined, Passed: l.Passed, OwnPID: l.OwnPID,
	})
}

func decode(text []byte) (Launch, error) {
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		return Launch{}, fmt.Errorf("cannot read launch: %w", err)
	}
	if len(w.Argv) == 0 {
		return Launch{}, errors.New("cannot read launch: no program")
	}
	return Launch{
		Argv: toStrings(w.Argv), Env: toStrings(w.Env), Dir: string(w.Dir), Umask: w.Umask,
		Rlimits: w.Rlimits, Nice: w.Nice, OOMScore: w.OOMScore,
		Affinity: w.Affinity, IOPriority: w.IOPriority, NoNewPrivs: w.NoNewPrivs, Confinement: w.Confinement, Joined: w.Joined, Passed: w.Passed, OwnPID: w.OwnPID,
	}, nil
}

func toBytes(texts []string) [][]byte {
	out := make([][]byte, len(texts))
	for i, text := range texts {
		out[i] = []byte(text)
	}
	return out
}

func toStrings(texts [][]byte) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = string(text)
	}
	return out
}
