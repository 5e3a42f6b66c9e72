package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
)

// call sends one Varlink call and returns what waits for its last reply.
func (b *bench) call(method string, parameters any) (wait func() error, err error) {
	conn, err := net.Dial("unix", filepath.Join(b.folder, "systemg", "control.sock"))
	if err != nil {
		return nil, err
	}
	frame, err := json.Marshal(map[string]any{"method": method, "parameters": parameters, "more": true})
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(append(frame, 0)); err != nil {
		return nil, fmt.Errorf("cannot call %s: %w", method, err)
	}
	return func() error {
		defer conn.Close()
		return lastReply(bufio.NewReader(conn))
	}, nil
}

func lastReply(in *bufio.Reader) error {
	for {
		frame, err := in.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("no reply: %w", err)
		}
		var reply struct {
			Error     string `json:"error"`
			Continues bool   `json:"continues"`
		}
		if err := json.Unmarshal(frame[:len(frame)-1], &reply); err != nil {
			return err
		}
		if reply.Error != "" {
			return fmt.Errorf("the daemon says %s", frame)
		}
		if !reply.Continues {
			return nil
		}
	}
}
