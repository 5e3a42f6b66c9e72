package spec

import (
	"fmt"
	"time"
)

// Spawn is the one frame that a process inside a service sends on spawn.sock:
// it asks for a child of that service. The socket is SOCK_SEQPACKET, and there
// is no Hello: one request, one SpawnReply.
type Spawn struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	// TTL is how long it may live, in nanoseconds, 0 for as long as it likes.
	TTL time.Duration `json:"ttl,omitempty"`
	// Dir is an absolute directory, "" for the service's.
	Dir string `json:"dir,omitempty"`
	// Env has KEY=value beside what the service has.
	Env []string `json:"env,omitempty"`
	// ParentPID is the process that the child is for, 0 for the one that asks.
	// It must be inside the service. One that asks from outside must name it.
	ParentPID int `json:"parent_pid,omitempty"`
}

// SpawnReply answers Spawn: PID and Incarnation, or Error.
type SpawnReply struct {
	PID         int    `json:"pid,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	// Error is a sentence for people, and Limit the limit that was reached, by
	// the name of its manifest key ("rate" for that of a second).
	Error string `json:"error,omitempty"`
	Limit string `json:"limit,omitempty"`
}

const (
	// MaxSpawnRate is how many children of one service come to be in a second.
	MaxSpawnRate = 10
	maxSpawnEnv  = 256
)

func (s *Spawn) validate() error {
	length := argsLength(s.Argv)
	for _, entry := range s.Env {
		if err := must(validAssignment(entry), "a variable", entry); err != nil {
			return err
		}
	}
	return first(
		must(ValidName(s.Name), "name of the child", s.Name),
		must(len(s.Argv) > 0 && s.Argv[0] != "" && length <= MaxChildArgs, "length of its arguments", length),
		must(noNUL(s.Argv...) && noNUL(s.Dir), "argument", "one with a NUL"),
		must(s.TTL >= 0, "ttl", s.TTL),
		must(s.Dir == "" || s.Dir[0] == '/' && len(s.Dir) < maxPath, "directory", s.Dir),
		must(len(s.Env) <= maxSpawnEnv, "number of variables", len(s.Env)),
		must(s.ParentPID >= 0, "parent_pid", s.ParentPID))
}

// validAssignment holds for KEY=value.
func validAssignment(entry string) bool {
	for i := range len(entry) {
		if entry[i] == '=' {
			return i > 0 && noNUL(entry)
		}
	}
	return false
}

func noNUL(texts ...string) bool {
	for _, text := range texts {
		for i := range len(text) {
			if text[i] == 0 {
				return false
			}
		}
	}
	return true
}

func (r *SpawnReply) validate() error {
	if r.Error != "" {
		return first(must(r.PID == 0 && r.Incarnation == "", "pid beside an error", r.PID), must(len(r.Error) <= maxDetail, "length of error", len(r.Error)))
	}
	return first(must(r.PID >= 1, "pid", r.PID), must(ValidIncarnation(r.Incarnation), "incarnation", r.Incarnation))
}

// DecodeSpawn reads what a process inside a service asks for.
func DecodeSpawn(frame []byte) (Spawn, error) {
	var s Spawn
	if err := Unmarshal(frame, &s, frameLimits); err != nil {
		return Spawn{}, fmt.Errorf("cannot read the request: %w", err)
	}
	if err := s.validate(); err != nil {
		return Spawn{}, fmt.Errorf("cannot accept the request: %w", err)
	}
	return s, nil
}

// EncodeSpawn writes a frame that DecodeSpawn accepts, or fails.
func EncodeSpawn(s *Spawn) ([]byte, error) {
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("cannot ask for a child: %w", err)
	}
	return encode(s)
}

// DecodeSpawnReply reads the answer.
func DecodeSpawnReply(frame []byte) (SpawnReply, error) {
	var r SpawnReply
	if err := Unmarshal(frame, &r, frameLimits); err != nil {
		return SpawnReply{}, fmt.Errorf("cannot read the answer: %w", err)
	}
	if err := r.validate(); err != nil {
		return SpawnReply{}, fmt.Errorf("cannot accept the answer: %w", err)
	}
	return r, nil
}

// EncodeSpawnReply writes the answer, and cuts an error that is too long.
func EncodeSpawnReply(r SpawnReply) ([]byte, error) {
	if len(r.Error) > maxDetail {
		r.Error = shorten(r.Error)
	}
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("cannot answer: %w", err)
	}
	return encode(&r)
}
