package supervisor

import (
	"strings"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/store"
)

// keepSlot writes the active slot where the manifest wants to have it as well.
// Ours is in the state of the project; this one is for others to read.
func (s *Supervisor) keepSlot(v *service) {
	path, slot := v.config.Rolling.BlueGreen.StatePath, v.slot
	if path == "" {
		return
	}
	go func() { // The disk may be slow, and nobody waits for this.
		if err := store.WriteSlot(path, slot); err != nil {
			s.inbox.post(func() { s.note(v, err.Error()) })
		}
	}()
}

// recordedSlot is the active slot of a service that nothing else is known of.
func recordedSlot(config generation.Service) int {
	if config.Rolling == nil || config.Rolling.BlueGreen == nil || config.Rolling.BlueGreen.StatePath == "" {
		return 0
	}
	return store.ReadSlot(config.Rolling.BlueGreen.StatePath)
}

// checkInSlot is the check of a candidate with its slot filled into the address.
// In a command sysg-exec does that.
func checkInSlot(green *generation.BlueGreen, slot int) generation.Probe {
	check := *green.Check
	fill := strings.NewReplacer("{slot}", green.Slots[slot], "{candidate_slot}", green.Slots[slot], "{active_slot}", green.Slots[1-slot])
	check.URL, check.TCP, check.Unix = fill.Replace(check.URL), fill.Replace(check.TCP), fill.Replace(check.Unix)
	return check
}

// inSlot is a check as it is made in the slot of the service.
func (v *service) inSlot(check generation.Probe) generation.Probe {
	slot := v.slotOf()
	if slot == nil {
		return check
	}
	green := v.config.Rolling.BlueGreen
	fill := strings.NewReplacer(
		"{slot}", green.Slots[*slot], "{candidate_slot}", green.Slots[*slot], "{active_slot}", green.Slots[1-*slot],
		"{service_name}", v.config.Name,
	)
	check.URL, check.TCP, check.Unix = fill.Replace(check.URL), fill.Replace(check.TCP), fill.Replace(check.Unix)
	return check
}
