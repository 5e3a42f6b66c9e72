package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxFile bounds what is read of a file, in bytes: some 50 000 services.
const maxFile = 32 << 20

// CorruptError is a file that is not what Save writes.
type CorruptError struct {
	Path string
	Err  error
}

func (e *CorruptError) Error() string { return fmt.Sprintf("cannot read %q: %v", e.Path, e.Err) }

// Unwrap returns what is wrong with the file.
func (e *CorruptError) Unwrap() error { return e.Err }

// readFile decodes the file at path into value.
func readFile(path string, value any) error {
	content, err := readBounded(path)
	if err != nil {
		return fmt.Errorf("cannot read project state: %w", err)
	}
	version, err := versionOf(content)
	if err == nil && version > Version {
		// Not corrupt, and not to be set aside: a newer sysgd can read it.
		return fmt.Errorf("cannot read %q: its version %d is newer than %d, the newest that this program knows", path, version, Version)
	}
	if err == nil {
		err = decode(content, value)
	}
	if err != nil {
		return &CorruptError{path, err}
	}
	return nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = &CorruptError{path, fmt.Errorf("it is larger than %d bytes", maxFile)}
	}
	return content, err
}

// versionOf reads the version alone, since another may have other fields.
func versionOf(content []byte) (int, error) {
	var header struct{ Version int }
	if err := json.Unmarshal(content, &header); err != nil {
		return 0, err
	}
	if header.Version < 1 {
		return 0, errors.New("it has no version")
	}
	return header.Version, nil
}

// decode is strict: what it does not know is an error.
func decode(content []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("something follows its end")
	}
	return nil
}

// check reports what cannot be true of project's state.
func (s *State) check(project string) error {
	if s.Project != project {
		return fmt.Errorf("it is the state of %q", s.Project)
	}
	for name, service := range s.Services {
		if service.Want != Up && service.Want != Down {
			return fmt.Errorf("service %q is wanted %q, which is neither %q nor %q", name, service.Want, Up, Down)
		}
	}
	return nil
}

func (p *Processes) check() error {
	for name, process := range p.Services {
		if process.PID < 1 || process.Incarnation == "" {
			return fmt.Errorf("service %q has process %d of incarnation %q", name, process.PID, process.Incarnation)
		}
	}
	return nil
}
