package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// A shelf is a socket pair that the holder has both ends of, and we copies. What
// is put on it is parcels: a text with the descriptors that it is about.

const (
	// parcelVersion is that of the text. A holder outlives upgrades, so that there
	// may be parcels of another version on a shelf: they are left out, as if there
	// had been none.
	parcelVersion = 1
	// maxParcel bounds the text: 253 descriptors with what is known of each.
	maxParcel = 128 << 10
	// shelfBytes is what a shelf should have room for: 4096 runs that have a
	// parcel each take 768 bytes of the kernel's memory each. Without privilege
	// it has what net.core.wmem_max allows, and packing makes up for that.
	shelfBytes = 8 << 20
)

// parcel is the text.
type parcel struct {
	Version int         `json:"version"`
	Runs    []parkedRun `json:"runs,omitempty"`
	// Batch numbers the parcels that together are all there is of services. Those
	// of the last batch count, if its last one is there.
	Batch    uint64          `json:"batch,omitempty"`
	Last     bool            `json:"last,omitempty"`
	Services []parkedService `json:"services,omitempty"`

	fds []int
}

// parkedRun says which descriptors of an incarnation come, in this order, by a
// letter each: its pidfd, the log pipes for output and errors, its notify socket
// and its ready pipe.
type parkedRun struct {
	Incarnation string `json:"incarnation"`
	PID         int    `json:"pid"`
	Has         string `json:"has"`
}

const parkable = "poenr"

// parkedService is what is held for a service: the sockets, then what it stored.
type parkedService struct {
	Project string              `json:"project"`
	Service string              `json:"service"`
	Sockets []generation.Socket `json:"sockets,omitempty"`
	Kept    []string            `json:"kept,omitempty"`
}

func decodeParcel(text []byte, fds []int) (*parcel, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil || version.Version != parcelVersion {
		return nil, fmt.Errorf("it is of version %d, not %d", version.Version, parcelVersion)
	}
	p := &parcel{fds: fds}
	if err := spec.Unmarshal(text, p, spec.Limits{Bytes: maxParcel, Objects: 4 * sys.SentFDs}); err != nil {
		return nil, err
	}
	wanted := 0
	for _, run := range p.Runs {
		wanted += len(run.Has)
	}
	for _, service := range p.Services {
		wanted += len(service.Sockets) + len(service.Kept)
	}
	if wanted != len(fds) {
		return nil, fmt.Errorf("%d descriptors came, not %d", len(fds), wanted)
	}
	return p, nil
}

// shelf is one pair; count is how many parcels are on it.
type shelf struct {
	put, take int
	count     int
}

func (s *shelf) add(p *parcel) error {
	p.Version = parcelVersion
	text, err := json.Marshal(p)
	if err == nil {
		err = sys.PutPacket(s.put, text, p.fds)
	}
	if err == nil {
		s.count++
	}
	return err
}

// addAll adds what there is room for.
func (s *shelf) addAll(parcels []*parcel) (err error) {
	for _, p := range parcels {
		if failed := s.add(p); err == nil {
			err = failed
		}
	}
	return err
}

// remove takes the oldest ones away. There can be none missing, as nobody else
// takes any.
func (s *shelf) remove(count int) {
	_ = sys.SkipPackets(s.take, count)
	s.count -= count
}

// replace puts parcels in the place of all there is: first beside it, so that
// there is no moment in which a kill would find neither. Only where there is no
// room for both is there such a moment.
func (s *shelf) replace(parcels []*parcel) error {
	old := s.count
	err := s.addAll(parcels)
	if err == nil {
		s.remove(old)
		return nil
	}
	s.remove(s.count)
	return s.addAll(parcels)
}

// crowded says whether more than half of the room is taken.
func (s *shelf) crowded() bool {
	used, err := sys.QueuedBytes(s.put)
	size, sizeErr := sys.SendBuffer(s.put)
	return errors.Join(err, sizeErr) == nil && 2*used > size
}

// look calls each with what is on the shelf, and leaves it there.
func (s *shelf) look(each func(*parcel)) error {
	count, err := sys.PeekPackets(s.take, make([]byte, maxParcel), func(text []byte, fds []int) {
		p, bad := decodeParcel(text, fds)
		if bad != nil {
			sys.CloseAll(fds)
			return
		}
		each(p)
	})
	s.count = count
	return err
}

// pack spreads items over as few parcels as can be; size is how many descriptors
// an item has, and add adds it to a parcel.
func pack[T any](items []T, size func(T) int, add func(*parcel, T)) (parcels []*parcel) {
	var p *parcel
	for _, item := range items {
		if p == nil || len(p.fds)+size(item) > sys.SentFDs {
			p = &parcel{}
			parcels = append(parcels, p)
		}
		add(p, item)
	}
	return parcels
}
