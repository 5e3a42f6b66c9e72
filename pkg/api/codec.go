package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrTooLarge is the end of a stream whose next frame is over its bound: what
// follows cannot be told apart from the rest of that frame.
var ErrTooLarge = errors.New("frame too large")

// Reader cuts a stream into frames. It is for one goroutine.
type Reader struct {
	stream *bufio.Reader
	max    int
}

// NewReader reads frames of at most max bytes, the NUL not counted.
func NewReader(stream io.Reader, max int) *Reader {
	size := 4 << 10
	if max > MaxCall { // what is large comes in large pieces
		size = 64 << 10
	}
	return &Reader{stream: bufio.NewReaderSize(stream, size), max: max}
}

// Await blocks until a frame has begun, so that a caller may be patient before
// a frame and strict within it. At the end of the stream it returns io.EOF.
func (r *Reader) Await() error {
	_, err := r.stream.Peek(1)
	return err
}

// Next reads one frame, without its NUL. A stream that ends within a frame is
// io.ErrUnexpectedEOF, one that ends between two io.EOF.
func (r *Reader) Next() ([]byte, error) {
	var frame []byte
	for {
		part, err := r.stream.ReadSlice(0)
		frame = append(frame, part...)
		switch {
		case err == nil && len(frame)-1 <= r.max:
			return frame[:len(frame)-1], nil
		case len(frame) > r.max:
			return nil, ErrTooLarge
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(frame) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// Decode reads one JSON object into v, a pointer to a struct. Unknown fields
// and anything after the object are errors. Absent parameters, and null, are
// an empty object.
func Decode(text []byte, v any) error {
	if len(text) == 0 || bytes.Equal(text, []byte("null")) {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the object")
	}
	return nil
}

// Frame encodes v as one frame, with its NUL, of at most max bytes. JSON
// escapes a NUL within a string, so there is no other one.
func Frame(v any, max int) ([]byte, error) {
	text, err := Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(text) > max {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(text), max)
	}
	return append(text, 0), nil
}

// ReplyFrame is the frame of a reply whose parameters are encoded already, of
// at most max bytes. A status of hundreds of services is large; encoding it
// once more, as Frame would, takes as long as the first time.
func ReplyFrame(parameters []byte, continues bool, name string, max int) ([]byte, error) {
	head, err := json.Marshal(ControlResponse{Continues: continues, Error: name})
	if err != nil {
		return nil, err
	}
	frame := append([]byte(`{"parameters":`), parameters...)
	if len(head) > len("{}") {
		frame = append(frame, ',')
	}
	frame = append(frame, head[1:]...)
	if len(frame) > max {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(frame), max)
	}
	return append(frame, 0), nil
}
