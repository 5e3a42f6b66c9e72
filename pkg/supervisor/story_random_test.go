package supervisor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// TestRandomStories throws commands, crashes and deaths of the supervisor at a
// stack. The fake fails the test for a second incarnation; at the end
// everything that is wanted has to run.
func TestRandomStories(t *testing.T) {
	stories := 200
	if os.Getenv("TORTURE") != "" {
		stories = 20000
	}
	for seed := range uint64(stories) {
		tell(t, func(s *story) { randomStory(s, rand.New(rand.NewPCG(seed, 7))) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomStory(s *story, random *rand.Rand) {
	quick := func(v *generation.Service) { v.Restart.MaxRestarts, v.Restart.Backoff = 1000, time.Second }
	services := func(round int) []generation.Service {
		api := plain("api", on("db", generation.Started), on("seed", generation.Completed), quick)
		api.Hash = fmt.Sprint("api-", round%3)
		return []generation.Service{
			plain("db", quick), api, plain("web", on("api", generation.Started), quick),
			plain("seed", policy(generation.Never), on("db", generation.Started)),
		}
	}
	s.store.put(services(0)...)
	names := []string{"db", "api", "web", "seed"}
	by, ctx := api.Caller{}, context.Background()
	for round := range 60 {
		one := names[random.IntN(len(names))]
		switch random.IntN(9) {
		case 0:
			go s.Start(s.life, by, api.Start{Project: "p"}, quiet)
		case 1:
			go s.Start(s.life, by, api.Start{Project: "p", Services: []string{one}}, quiet)
		case 2:
			go s.Stop(s.life, by, api.Stop{Project: "p", Services: []string{one}}, quiet)
		case 3:
			go s.Restart(s.life, by, api.Restart{Project: "p", Services: []string{one}}, quiet)
		case 4:
			s.store.put(services(round)...)
			go s.Restart(s.life, by, api.Restart{Project: "p"}, quiet)
		case 5:
			s.dies()
			s.supervise()
		default:
			s.somethingExits(random)
		}
		s.sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
	}
	go s.Start(s.life, by, api.Start{Project: "p"}, quiet)
	for range 20 {
		s.sleep(10 * time.Second)
		s.seedEnds()
	}
	s.want("in the end", s.phases(), "api ready, db ready, seed done, web ready")
	if result, err := s.Stop(ctx, by, api.Stop{}, quiet); err != nil || !result.OK {
		s.Error(result, err)
	}
	s.want("and down", s.phases(), "api down, db down, seed done, web down")
}

// somethingExits ends a random main process in a random way.
func (s *story) somethingExits(random *rand.Rand) {
	s.helper.mu.Lock()
	var running []string
	for incarnation, record := range s.helper.live {
		if record.Exited == nil {
			running = append(running, incarnation)
		}
	}
	s.helper.mu.Unlock()
	if len(running) > 0 {
		s.helper.exit(running[random.IntN(len(running))], []uint32{9, code3}[random.IntN(2)])
	}
}

// seedEnds completes the one-shot if it runs.
func (s *story) seedEnds() {
	s.helper.mu.Lock()
	incarnation := ""
	for _, record := range s.helper.live {
		if record.Launch.Service == "seed" && record.Exited == nil {
			incarnation = record.Launch.Incarnation
		}
	}
	s.helper.mu.Unlock()
	if incarnation != "" {
		s.helper.exit(incarnation, 0)
	}
}
