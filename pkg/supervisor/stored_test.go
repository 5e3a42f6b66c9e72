package supervisor

import (
	"context"
	"os"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
)

// What a service has stored comes to a new sysg-exec from the copies here, less
// what it has dropped; a stop is the end of it.
func TestWhatAServiceStoredOutlivesSysgExec(t *testing.T) {
	tell(t, func(s *story) {
		pipe := func() *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			return r
		}
		s.store.put(plain("api", watched(time.Hour)))
		s.begin()
		s.sends("api", "FDSTORE=1\nFDNAME=journal", pipe())
		s.sends("api", "FDSTORE=1", pipe(), pipe())
		s.sends("api", "FDSTOREREMOVE=1\nFDNAME=journal")
		s.helper.took()
		s.breaks(func() {})
		s.want("given to the next one", s.helper.took(), "keep stored 1, keep stored 1")
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p"}, quiet); err != nil {
			t.Fatal(err)
		}
		s.helper.took()
		s.begin()
		s.helper.took()
		s.breaks(func() {})
		s.want("after a stop", s.helper.took(), "")
	})
}
