package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// frameLimits bound a frame. No message holds more than four objects.
var frameLimits = Limits{Bytes: MaxFrame, Objects: 8}

// DecodeRequest reads a frame from a client. Whatever it returns without an
// error keeps every rule of this package's messages.
func DecodeRequest(frame []byte) (Request, error) {
	var request Request
	if err := Unmarshal(frame, &request, frameLimits); err != nil {
		return Request{}, fmt.Errorf("cannot read request: %w", err)
	}
	if err := request.validate(); err != nil {
		return Request{}, fmt.Errorf("cannot accept request: %w", err)
	}
	return request, nil
}

// EncodeRequest writes a frame that DecodeRequest accepts, or fails.
func EncodeRequest(request *Request) ([]byte, error) {
	if err := request.validate(); err != nil {
		return nil, fmt.Errorf("cannot send request: %w", err)
	}
	return encode(request)
}

// DecodeReply reads a frame from sysg-exec.
func DecodeReply(frame []byte) (Reply, error) {
	var reply Reply
	if err := Unmarshal(frame, &reply, frameLimits); err != nil {
		return Reply{}, fmt.Errorf("cannot read reply: %w", err)
	}
	if err := reply.validate(); err != nil {
		return Reply{}, fmt.Errorf("cannot accept reply: %w", err)
	}
	return reply, nil
}

// EncodeReply writes a frame that DecodeReply accepts, or fails. It cuts a
// detail that is too long, since half a reason is better than none.
func EncodeReply(reply *Reply) ([]byte, error) {
	cut := *reply
	if f := cut.Failed; f != nil && len(f.Detail) > maxDetail {
		short := *f
		short.Detail = shorten(f.Detail)
		cut.Failed = &short
	}
	if r := cut.Refused; r != nil && len(r.Detail) > maxDetail {
		short := *r
		short.Detail = shorten(r.Detail)
		cut.Refused = &short
	}
	if err := cut.validate(); err != nil {
		return nil, fmt.Errorf("cannot send reply: %w", err)
	}
	return encode(&cut)
}

// shorten cuts text between two characters.
func shorten(text string) string {
	const ellipsis = "…"
	return strings.ToValidUTF8(text[:maxDetail-len(ellipsis)], "") + ellipsis
}

func encode(v any) ([]byte, error) {
	frame, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode: %w", err)
	}
	if len(frame) > MaxFrame {
		return nil, errors.New("cannot encode: frame too large")
	}
	return frame, nil
}
