package manifest

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/digest"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/order"
)

// root is what the top of a document says.
type root struct {
	version  int
	env      Env
	logs     generation.Logs
	metrics  *generation.Metrics
	status   snapshots
	project  *Project // of the form with one project
	loose    []Service
	projects []Project

	// Where they are, nil where they are not.
	projectAt, projectsAt *value
}

// rootObject is read with the default logs in place; each project and each
// service begins with the logs of what is around it.
var rootObject = Object{Name: "the manifest", Lenient: true, need: rootRules, Keys: []*Key{
	key("version", versionType, "2", "version of this schema", in(func(m *root) any { return &m.version })),
	key("env", envType, "", "environment of every service", in(func(m *root) any { return &m.env })),
	key("logs", object(&logsObject), "", "what happens to the output of every service", in(func(m *root) any { return &m.logs })),
	key("project", &Type{Name: "a project", Accepts: "an id or {id, name}", Object: &oneProjectObject, form: either(idForm, keysOf(&oneProjectObject)), nullable: true, read: readOneProject}, "",
		"the one project that services belongs to", in(func(m *root) any { return m })),
	key("services", &Type{Name: "services", Accepts: "a mapping of names to services", Object: &serviceObject, form: mapOf(idPattern, keysOf(&serviceObject)), nullable: true, read: readRootServices}, "",
		"services of the one project, or of none", in(func(m *root) any { return m })),
	key("projects", &Type{Name: "projects", Accepts: "a mapping of ids to projects", Object: &projectObject, form: mapOf(idPattern, keysOf(&projectObject)), nullable: true, read: readProjects}, "",
		"projects", in(func(m *root) any { return m })),
	key("metrics", metricsType, "", "measures every service all the time, not only while somebody looks", in(func(m *root) any { return &m.metrics })),
	key("status", object(&statusObject), "", "for manifests of the older program", in(func(m *root) any { return &m.status })),
}}

var versionType = &Type{Name: "a version", Accepts: "1, 2 or 3", form: versionForm, read: func(r *reader, v value, to any) {
	text, ok := r.text(v, "1, 2 or 3")
	if !ok {
		return
	}
	if len(text.Value) != 1 || text.Value < "1" || text.Value > "3" {
		r.report(v, Problem{
			Kind: KindVersion, Message: fmt.Sprintf("manifest version %s is not supported", quote(text.Raw)), Suggestion: "expected 1, 2 or 3",
		})
		return
	}
	r.version = int(text.Value[0] - '0')
	r.old = r.version < 3
	*to.(*int) = r.version
}}

var oneProjectObject = Object{Name: "project", Lenient: true, need: node{"required": []string{"id"}}, Keys: []*Key{
	key("id", projectID, "", "id of the project", in(func(p *Project) any { return &p.ID })),
	key("name", displayName, "", "name for people (default: the id)", in(func(p *Project) any { return &p.Name })),
}}

var projectObject = Object{Name: "a project", Lenient: true, need: projectRules, Keys: []*Key{
	key("env", envType, "", "environment of its services", in(func(p *Project) any { return &p.Env })),
	key("name", displayName, "", "name for people (default: the id)", in(func(p *Project) any { return &p.Name })),
	key("logs", object(&logsObject), "", "what happens to the output of its services", in(func(p *Project) any { return &p.Logs })),
	key("services", &Type{Name: "services", Accepts: "a mapping of names to services", Object: &serviceObject, form: mapOf(idPattern, keysOf(&serviceObject)), nullable: true, read: readProjectServices}, "",
		"its services", in(func(p *Project) any { return p })),
}}

var projectID = &Type{Name: "an id", Accepts: "letters, digits, _ . and -", form: idForm, read: func(r *reader, v value, to any) {
	if text, ok := r.text(v, "an id"); ok {
		*to.(*string) = text.Value
		r.checkProjectID(v, text.Value)
	}
}}

// displayName keeps a name as it is written, since status shows no values of
// variables.
var displayName = &Type{Name: "a name", Accepts: "text", form: scalar, read: func(r *reader, v value, to any) {
	if text, ok := r.text(v, "a name"); ok {
		if text.Expanded {
			text.Value = text.Raw
		}
		if text.Value != "" && !isShowable(text.Value) {
			r.bad(v, "a name must be one line of 1 to 256 printable characters", "")
			return
		}
		*to.(*string) = text.Value
	}
}}

// isShowable holds for what fits a line on a terminal.
func isShowable(name string) bool {
	return name != "" && len(name) <= 256 && !strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) })
}

func (r *reader) checkProjectID(v value, id string) {
	if err := checkID(id); err != nil {
		r.report(v, Problem{Kind: KindProjectID, Message: fmt.Sprintf("%s cannot be the id of a project: %v", quote(id), err)})
	}
}

func readOneProject(r *reader, v value, to any) {
	m := to.(*root)
	m.projectAt, m.project = &v, &Project{Logs: m.logs}
	if target(v.node).Kind != yaml.MappingNode {
		projectID.read(r, v, &m.project.ID)
		return
	}
	before := r.errors
	r.object(&oneProjectObject, v, m.project)
	if m.project.ID == "" && r.errors == before {
		r.report(v, Problem{Kind: KindProjectID, Message: "the project has no id", Suggestion: "add id: NAME"})
	}
}

func readRootServices(r *reader, v value, to any) {
	m := to.(*root)
	m.loose = r.services(v, m.logs)
}

func readProjectServices(r *reader, v value, to any) {
	p := to.(*Project)
	p.Services = r.services(v, p.Logs)
}

func readProjects(r *reader, v value, to any) {
	m := to.(*root)
	m.projectsAt = &v
	if !r.is(v, yaml.MappingNode, "a mapping of ids to projects") {
		return
	}
	v.node = target(v.node)
	outer := r.scope
	for k, entry := range v.pairs() {
		r.checkProjectID(k, k.name)
		p := Project{ID: k.name, Logs: m.logs}
		before := r.errors
		r.object(&projectObject, entry, &p)
		r.scope = outer
		if len(p.Services) == 0 && (r.errors == before || !entry.mayHave(&projectObject, "services")) {
			r.noServices(k, k.name)
		}
		m.projects = append(m.projects, p)
	}
}

func (r *reader) noServices(v value, project string) {
	r.report(v, Problem{Kind: KindNoServices, Message: fmt.Sprintf("project %s has no services", quote(project)), Suggestion: "add services: with one at least"})
}

// services reads a mapping of names to services.
func (r *reader) services(v value, logs generation.Logs) []Service {
	if !r.is(v, yaml.MappingNode, "a mapping of names to services") {
		return nil
	}
	v.node = target(v.node)
	outer := r.scope
	r.inService = true
	services := make([]Service, 0, min(len(v.node.Content)/2, maxServices))
	for k, entry := range v.pairs() {
		if r.count++; r.count > maxServices {
			r.report(k, Problem{Kind: KindConfig, Message: fmt.Sprintf("the manifest has more than %d services", maxServices)})
			break
		}
		if err := checkID(k.name); err != nil {
			r.bad(k, fmt.Sprintf("%s cannot be the name of a service: %v", quote(k.name), err), "")
		}
		services = append(services, r.blank)
		s := &services[len(services)-1]
		s.Name, s.Dir, s.Logs, s.at = k.name, r.dir(), logs, k
		r.entry, r.outer = &entry, outer
		r.object(&serviceObject, entry, s)
		r.scope, r.entry = outer, nil
		r.checkService(s, entry)
		s.Once = s.Restart.Policy == generation.Never && entry.at("restart_policy").node != entry.node
	}
	r.inService = false
	return services
}

// blankService is a service with the defaults of its tables, made once and
// copied, since a manifest may have many thousand services.
func (r *reader) blankService() Service {
	s := Service{Exits: Exits{Success: []generation.Exit{{Code: 0}}}}
	r.defaults(&serviceObject, &s)
	r.defaults(&stopObject, &s)
	r.defaults(&deploymentObject, &s.Deployment)
	s.Deployment.PreStartTimeout = r.opts.budget(s.Deployment.PreStartTimeout)
	s.Ready.StableFor = cmp.Or(r.opts.Settings.Stability, s.Ready.StableFor)
	return s
}

// looseID names the project of a manifest that names none: by its file, so
// that people recognise it, and by its path, so that it is the only one.
func looseID(file string) string {
	stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
	words := strings.FieldsFunc(strings.ToLower(stem), func(c rune) bool {
		return !(c < 0x80 && isIDByte(byte(c))) || c == '.'
	})
	slug := strings.Trim(strings.Join(words, "-"), "-")
	slug = strings.TrimRight(slug[:min(len(slug), 40)], "-")
	if slug == "" {
		slug = "loose"
	}
	return slug + "-" + digest.Hex([]byte(file))[:16]
}

// assemble makes projects of the forms in which they can be written.
func (r *reader) assemble(m *root) []Project {
	projects := m.projects
	switch {
	case m.project != nil:
		m.project.Services = m.loose
		switch {
		case m.projectsAt != nil:
			r.report(*m.projectAt, Problem{Kind: KindConfig, Message: "both project and projects are there", Suggestion: "move the project into projects"})
		case len(m.loose) == 0 && r.errors == 0:
			r.noServices(*m.projectAt, m.project.ID)
		}
		projects = append(projects, *m.project)
	case len(m.loose) > 0:
		id := looseID(r.path)
		projects = append(projects, Project{ID: id, Name: id, Loose: true, Logs: m.logs, Services: m.loose})
	}
	for i := range projects {
		if projects[i].Name == "" {
			projects[i].Name = projects[i].ID
		}
	}
	order.By(projects, func(a, b *Project) int { return strings.Compare(a.ID, b.ID) })
	return projects
}
