package main

import (
	"errors"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/plan"
)

// compiled is a sealed generation of services "NAME COMMAND [DEPENDENCY]".
func compiled(services ...string) generation.Generation {
	g := generation.Generation{Supervise: generation.Supervise{Format: generation.Format, Project: "shop"}}
	g.Launch = generation.Launch{Format: generation.Format, Project: "shop"}
	for _, text := range services {
		words := strings.Fields(text)
		service := generation.Service{Name: words[0], Command: words[1]}
		for _, name := range words[2:] {
			service.DependsOn = append(service.DependsOn, generation.Dependency{Service: name, Condition: generation.Started})
		}
		g.Supervise.Services = append(g.Supervise.Services, service)
		g.Launch.Services = append(g.Launch.Services, generation.LaunchService{Name: words[0], Dir: "/" + words[1]})
	}
	generation.Seal(&g)
	return g
}

func TestAGraftTakesOnlyWhatIsNamed(t *testing.T) {
	active := compiled("a one", "b one", "c one a")
	next := compiled("a two", "b two", "c one a")
	grafted, err := graft(&active, next, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	want := compiled("a two", "b one", "c one a")
	if grafted.Supervise.Hash != want.Supervise.Hash {
		t.Errorf("grafted %+v", grafted)
	}
	if b, _ := next.Supervise.Service("b"); b.Command != "two" {
		t.Error("what was grafted from has changed")
	}
	added, err := graft(&active, compiled("a one", "b one", "c one a", "d one"), []string{"d"})
	if err != nil || len(added.Supervise.Services) != 4 {
		t.Errorf("a service that is new and named: %v", err)
	}
}

func TestAGraftIsRefusedWhereMoreHasChanged(t *testing.T) {
	active := compiled("a one", "b one", "c one a")
	for title, next := range map[string]generation.Generation{
		"d is new":                       compiled("a two", "b one", "c one a", "d one"),
		"b is gone":                      compiled("a two", "c one a"),
		"c depends on others":            compiled("a two", "b one", "c one b"),
		"b is gone, c depends on others": compiled("a two", "c one"),
	} {
		_, err := graft(&active, next, []string{"a"})
		var d *api.Diagnostic
		if !errors.As(err, &d) || d.Code != api.CodeRestartRejected || !strings.HasSuffix(d.Title, ": "+title) {
			t.Errorf("%s: %v", title, err)
		}
	}
}

func TestAPlanIsShownWithItsSigns(t *testing.T) {
	all := []planned{{Project: "shop", From: 3, Changes: []plan.Change{
		{Service: "a", Fate: plan.Begin, Because: "it is new"},
		{Service: "b", Fate: plan.Anew, Because: "its definition has changed"},
		{Service: "c", Fate: plan.Keep, Because: "it has not changed"},
		{Service: "long-name", Fate: plan.Replace, Because: "it is named"},
		{Service: "e", Fate: plan.End, Because: "the manifest has it no more"},
		{Service: "f", Fate: plan.Redefine, Because: "it stays stopped"},
	}}, {Project: "new", Changes: []plan.Change{{Service: "x", Fate: plan.Keep}}}}
	want := `Project 'shop', from generation 3:
  +  a          start     it is new
  ~  b          restart   its definition has changed
  >  long-name  replace   it is named
  -  e          stop      the manifest has it no more
  .  f          redefine  it stays stopped
  = 1 unchanged
Project 'new', never started:
  = 1 unchanged
`
	if got := renderPlan(all, true, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := renderPlan(nil, false, false); !strings.HasPrefix(got, "Nothing to do.") {
		t.Error(got)
	}
	for _, fate := range []plan.Fate{plan.Begin, plan.Anew, plan.Replace, plan.End, plan.Redefine} {
		if signs[fate].sign == "" || !strings.Contains(planHelp, "  "+signs[fate].sign+" "+string(fate)) {
			t.Errorf("the sign of %s is not explained", fate)
		}
	}
}

func TestTheGenerationToGoBackTo(t *testing.T) {
	stored := []api.Installed{
		{Number: 4, Hash: "a"}, {Number: 5, Hash: "b"}, {Number: 6, Hash: "b"}, {Number: 7, Hash: "b", Active: true},
	}
	for number, want := range map[int]int{0: 4, 5: 5, 7: 7, 9: -1} {
		r := rollback{number: number}
		got, err := r.choose("shop", stored)
		if err != nil {
			got.Number = -1
		}
		if got.Number != want {
			t.Errorf("asked for %d: %d, %v", number, got.Number, err)
		}
	}
	if _, err := (&rollback{}).choose("shop", stored[1:]); err == nil {
		t.Error("there is nothing that was different")
	}
}

func TestOneChangedProjectLeavesTheOthersAlone(t *testing.T) {
	snapshot := api.Snapshot{Units: []api.Unit{
		{Project: api.UnitProject{ID: "one", Generation: 3}}, {Project: api.UnitProject{ID: "two", Generation: 1}},
	}}
	both := []selection{{project: "one"}, {project: "two"}}
	for name, test := range map[string]struct {
		selections []selection
		numbers    map[string]int
		want       bool
	}{
		"nothing changed": {both, map[string]int{"one": 3, "two": 1}, false},
		"one changed":     {both, map[string]int{"one": 4, "two": 1}, true},
		"only one meant":  {both[:1], map[string]int{"one": 4}, false},
		"none installed":  {both, nil, false},
	} {
		if got := anyChanged(test.selections, test.numbers, snapshot); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
