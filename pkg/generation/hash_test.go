package generation

import "testing"

// Whether a policy is written or the default is for people to know; it changes
// nothing of the service.
func TestAServicesHashDoesNotCoverItsIntent(t *testing.T) {
	plain, written := shop(), shop()
	for i := range written.Supervise.Services {
		written.Supervise.Services[i].Once = true
	}
	Seal(plain)
	Seal(written)
	for i := range plain.Supervise.Services {
		if plain.Supervise.Services[i].Hash != written.Supervise.Services[i].Hash {
			t.Errorf("%s counts as changed", plain.Supervise.Services[i].Name)
		}
	}
	if plain.Supervise.Hash == written.Supervise.Hash {
		t.Error("it would not be stored")
	}
}
