package generation

import (
	"encoding/json"
	"fmt"

	"systemg.org/sysg/pkg/spec"
)

// maxObjects is far above what the largest real project has, and keeps the
// memory that a text of MaxGeneration bytes can become within reason.
const maxObjects = 200_000

// limits bound a stored or sent generation. A slice without elements may be
// null: Go writes that for a nil one, and the hash tells the two apart.
var limits = spec.Limits{Bytes: spec.MaxGeneration, Objects: maxObjects, Null: true}

// Encode writes g as it is sent to sysg-exec. It fails for a generation that
// Decode would refuse.
func Encode(g *Generation) ([]byte, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(g)
	if err != nil {
		return nil, fmt.Errorf("cannot encode generation: %w", err)
	}
	if len(text) > spec.MaxGeneration {
		return nil, fmt.Errorf("cannot encode generation: %d bytes, limit %d", len(text), spec.MaxGeneration)
	}
	return text, nil
}

// Decode reads what Encode wrote, and whatever it returns is valid.
func Decode(text []byte) (*Generation, error) {
	var g Generation
	if err := spec.Unmarshal(text, &g, limits); err != nil {
		return nil, fmt.Errorf("cannot read generation: %w", err)
	}
	if err := g.Validate(); err != nil {
		return nil, err
	}
	return &g, nil
}
