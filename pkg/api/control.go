package api

import (
	_ "embed" // the interface description
	"encoding/json"
)

const (
	// Interface is the name of our Varlink interface.
	Interface = "org.systemg.Control"

	// Service is the interface that every Varlink service has.
	Service = "org.varlink.service"

	// MaxCall bounds a frame to the daemon, MaxReply one from it, in bytes.
	MaxCall  = 1 << 20
	MaxReply = 64 << 20
)

// Description is the interface in Varlink's own language.
//
//go:embed org.systemg.Control.varlink
var Description string

// ServiceDescription is Service in the same language.
//
//go:embed org.varlink.service.varlink
var ServiceDescription string

// The methods of Interface, as they stand in a call.
const (
	MethodStart    = Interface + ".Start"
	MethodStop     = Interface + ".Stop"
	MethodRestart  = Interface + ".Restart"
	MethodShutdown = Interface + ".Shutdown"
	MethodStatus   = Interface + ".Status"
	MethodWhy      = Interface + ".Why"
	MethodLogs     = Interface + ".Logs"

	MethodGetInfo        = Service + ".GetInfo"
	MethodGetDescription = Service + ".GetInterfaceDescription"
)

// The errors that a reply may carry.
const (
	ErrorFailed           = Interface + ".Failed"
	ErrorDenied           = Interface + ".Denied"
	ErrorMethodNotFound   = Service + ".MethodNotFound"
	ErrorInvalidParameter = Service + ".InvalidParameter"
	ErrorInterface        = Service + ".InterfaceNotFound"
	ErrorExpectedMore     = Service + ".ExpectedMore"
)

// ControlCommand is a Varlink call.
type ControlCommand struct {
	Method     string          `json:"method"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	OneWay     bool            `json:"oneway,omitempty"`
	More       bool            `json:"more,omitempty"`
}

// ControlResponse is a Varlink reply.
type ControlResponse struct {
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Continues  bool            `json:"continues,omitempty"`
	Error      string          `json:"error,omitempty"`
}

// Start is the call's parameters; see the interface description.
type Start struct {
	Project    string   `json:"project"`
	Generation int      `json:"generation"`
	Services   []string `json:"services"`
	Foreground bool     `json:"foreground"`
	NoDeps     bool     `json:"no_deps,omitempty"`
}

// Stop is the call's parameters.
type Stop struct {
	Project  string   `json:"project"`
	Services []string `json:"services"`
}

// Restart is the call's parameters.
type Restart struct {
	Project    string   `json:"project"`
	Generation int      `json:"generation"`
	Services   []string `json:"services"`
	// Reconcile restarts what has changed and nothing else.
	Reconcile bool `json:"reconcile,omitempty"`
}

// Status is the call's parameters.
type Status struct {
	Project  string   `json:"project"`
	Services []string `json:"services"`
	// All adds what the manifest does not have any more.
	All bool `json:"all,omitempty"`
	// Detail adds what takes longer to find out: the command lines and the
	// processes below the main one.
	Detail bool `json:"detail,omitempty"`
	// StreamMillis is the time between two snapshots of a call with more, 0
	// for one. While it lasts the services are measured every second.
	StreamMillis int `json:"stream_ms,omitempty"`
}

// Why is the call's parameters.
type Why struct {
	Project string `json:"project"`
	Service string `json:"service"`
}

// Reply is what any of the methods answers; each sets its own part.
type Reply struct {
	Progress   *Progress   `json:"progress,omitempty"`
	Line       *Line       `json:"line,omitempty"`
	Result     *Result     `json:"result,omitempty"`
	Snapshot   *Snapshot   `json:"snapshot,omitempty"`
	Links      []Link      `json:"links,omitempty"`
	Inspection *Inspection `json:"inspection,omitempty"`
	Event      *Event      `json:"event,omitempty"`
	Identity   *Identity   `json:"identity,omitempty"`
	Survey     *Survey     `json:"survey,omitempty"`
	Crons      []CronUnit  `json:"crons,omitempty"`
	Cleared    *Cleared    `json:"cleared,omitempty"`

	Generations []Installed `json:"generations,omitempty"`
	Standing    *Standing   `json:"standing,omitempty"`
}

// Progress is one step on the way of a mutation.
type Progress struct {
	Project string `json:"project"`
	Service string `json:"service"`
	Phase   string `json:"phase"`
	Cause   string `json:"cause"`
	PID     int    `json:"pid,omitempty"`
	Failed  bool   `json:"failed,omitempty"`
	Step    *Step  `json:"step,omitempty"`
}

// Line is one line of a service's log.
type Line struct {
	Project string `json:"project"`
	Service string `json:"service"`
	Time    string `json:"time"`
	Stream  string `json:"stream"`
	Text    string `json:"text"`
}

// Result ends a mutation.
type Result struct {
	OK      bool         `json:"ok"`
	Message string       `json:"message"`
	Failed  []Diagnostic `json:"failed"`
	Units   []string     `json:"units"`
}

// Link is one service in a chain of causes.
type Link struct {
	Project  string   `json:"project"`
	Service  string   `json:"service"`
	Phase    string   `json:"phase"`
	Since    string   `json:"since"`
	Cause    string   `json:"cause"`
	Code     string   `json:"code,omitempty"` // of a cause that is a failure
	Evidence []string `json:"evidence"`
	Help     []Help   `json:"help"`
}

// Info answers org.varlink.service.GetInfo.
type Info struct {
	Vendor     string   `json:"vendor"`
	Product    string   `json:"product"`
	Version    string   `json:"version"`
	URL        string   `json:"url"`
	Interfaces []string `json:"interfaces"`
}
