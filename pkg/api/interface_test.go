package api

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGoTypesAreTheInterface compares every member of the interface files with
// the Go types, field by field and in order.
func TestGoTypesAreTheInterface(t *testing.T) {
	text := uncommented(Description) + uncommented(ServiceDescription)
	declared := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(type|error) (\w+) \((.*)\)$`).FindAllStringSubmatch(text, -1) {
		declared[m[1]+" "+m[2]] = m[3]
	}
	for _, m := range regexp.MustCompile(`(?m)^method (\w+)\((.*?)\) -> \((.*)\)$`).FindAllStringSubmatch(text, -1) {
		declared["in "+m[1]] = m[2]
		declared["out "+m[1]] = m[3]
	}
	types := map[string]any{
		"type Progress": Progress{}, "type Line": Line{}, "type Result": Result{}, "type Link": Link{},
		"type Diagnostic": Diagnostic{}, "type Help": Help{},
		"error Failed": Diagnostic{}, "error Denied": Denied{},
		"error InterfaceNotFound": InterfaceName{}, "error MethodNotFound": Method{},
		"error InvalidParameter": Parameter{}, "error ExpectedMore": struct{}{},
		"in Start": Start{}, "in Stop": Stop{}, "in Restart": Restart{}, "in Shutdown": struct{}{},
		"in Inspect": Inspect{}, "in Events": Events{}, "type Event": Event{},
		"in Status": Status{}, "in Why": Why{}, "in Logs": Logs{},
		"in ClearLogs": ClearLogs{}, "type Cleared": Cleared{},
		"in Identify": struct{}{}, "in Survey": struct{}{}, "in Forget": Forget{},
		"type Step": Step{}, "type Identity": Identity{}, "type SurveyReport": Survey{},
		"type SurveyedService": SurveyedService{}, "type SurveyedRun": SurveyedRun{},
		"in Generations": Generations{}, "in Standing": StandingOf{},
		"type Installed": Installed{}, "type ProjectStanding": Standing{}, "type ServiceStanding": ServiceStanding{},
		"in Cron": CronQuery{}, "in CronRun": CronRunNow{},
		"in GetInfo": struct{}{}, "out GetInfo": Info{},
		"in GetInterfaceDescription": InterfaceName{}, "out GetInterfaceDescription": InterfaceDescription{},
	}
	for name, v := range types {
		if got := members(reflect.TypeOf(v)); got != declared[name] {
			t.Errorf("%s\n  in Go      (%s)\n  in Varlink (%s)", name, got, declared[name])
		}
		delete(declared, name)
	}
	reply := strings.Split(strings.ReplaceAll(members(reflect.TypeFor[Reply]()), "?", ""), ", ")
	for name, fields := range declared {
		if !strings.HasPrefix(name, "out ") {
			// Two errors of org.varlink.service are never sent by us.
			if name != "error MethodNotImplemented" && name != "error PermissionDenied" {
				t.Errorf("%s has no Go type", name)
			}
			continue
		}
		for field := range strings.SplitSeq(strings.ReplaceAll(fields, "?", ""), ", ") {
			if !slices.Contains(reply, field) {
				t.Errorf("%s answers with %q, which Reply has not: %q", name, field, reply)
			}
		}
	}
}

func TestEveryMethodHasItsName(t *testing.T) {
	ours := []string{MethodStart, MethodStop, MethodRestart, MethodShutdown, MethodStatus, MethodInspect, MethodEvents, MethodWhy, MethodLogs, MethodClearLogs, MethodIdentify, MethodSurvey, MethodGenerations, MethodStanding, MethodForget, MethodCron, MethodCronRun}
	var declared []string
	for _, m := range regexp.MustCompile(`(?m)^method (\w+)`).FindAllStringSubmatch(Description, -1) {
		declared = append(declared, Interface+"."+m[1])
	}
	if !slices.Equal(ours, declared) {
		t.Errorf("in Go %q, in Varlink %q", ours, declared)
	}
}

// TestNamesAreThereOnce: methods, types and errors of an interface share one
// space of names, and systemd's varlinkctl takes one for the other.
func TestNamesAreThereOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:method|type|error) (\w+)`).FindAllStringSubmatch(Description, -1) {
		if seen[m[1]] {
			t.Errorf("%s is there twice", m[1])
		}
		seen[m[1]] = true
	}
}

func uncommented(text string) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(text, "")
}

// members is a struct in Varlink's notation.
func members(of reflect.Type) string {
	var fields []string
	for i := range of.NumField() {
		name, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		optional := ""
		if options == "omitempty" {
			optional = "?"
		}
		fields = append(fields, name+": "+optional+varlinkType(of.Field(i).Type))
	}
	return strings.Join(fields, ", ")
}

func varlinkType(of reflect.Type) string {
	switch {
	case of == reflect.TypeFor[Snapshot](), of == reflect.TypeFor[Inspection](), of == reflect.TypeFor[CronUnit](), of == reflect.TypeFor[json.RawMessage]():
		return "object" // status.v1 has a description of its own
	case of == reflect.TypeFor[Survey]():
		return "SurveyReport" // The method has its name.
	case of == reflect.TypeFor[Standing]():
		return "ProjectStanding"
	case of.Kind() == reflect.Pointer:
		return varlinkType(of.Elem())
	case of.Kind() == reflect.Slice:
		return "[]" + varlinkType(of.Elem())
	case of.Kind() == reflect.Struct:
		return of.Name()
	default:
		return of.Kind().String()
	}
}
