package manifest

import (
	"math"

	"systemg.org/sysg/pkg/generation"
)

// Spawning is a spawn block; it counts only if the mode is dynamic.
type Spawning struct {
	Dynamic bool
	generation.Spawn
}

var spawnObject = Object{Name: "spawn", Lenient: true, Keys: []*Key{
	key("mode", eitherOf("static", "dynamic"), "static", "dynamic: a process of the service may have sysg start children on its behalf", in(func(s *Spawning) any { return &s.Dynamic })),
	key("limits", object(&spawnLimitsObject), "", "bounds of its children", in(func(s *Spawning) any { return &s.Spawn })),
}}

var spawnLimitsObject = Object{Name: "spawn.limits", Lenient: true, Keys: []*Key{
	key("children", integer(0, 1_000_000), "100", "children of one process", in(func(s *generation.Spawn) any { return &s.Children })),
	key("depth", integer(0, 1000), "3", "how deep children may have children", in(func(s *generation.Spawn) any { return &s.Depth })),
	key("descendants", integer(0, 1_000_000), "500", "children of children and so on, all together", in(func(s *generation.Spawn) any { return &s.Descendants })),
	key("total_memory", word("a size", "a whole number of bytes, or with K, M, G or T", numeral(0, math.MaxInt, sizePattern), parseSize), "", "memory of all of them together", in(func(s *generation.Spawn) any { return &s.TotalMemory })),
	key("termination_policy", choice[generation.Termination]("cascade orphan reparent"), "cascade", "what becomes of them when the service ends", in(func(s *generation.Spawn) any { return &s.Termination })),
}}

var spawnType = &Type{Name: "spawn", Accepts: "a mapping", Object: &spawnObject, form: keysOf(&spawnObject), nullable: true, read: func(r *reader, v value, to any) {
	s := Spawning{}
	r.defaults(&spawnObject, &s)
	r.defaults(&spawnLimitsObject, &s.Spawn)
	if r.object(&spawnObject, v, &s); s.Dynamic {
		*to.(**generation.Spawn) = &s.Spawn
	}
}}
