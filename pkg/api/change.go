package api

import "encoding/json"

// What `sysg plan`, `sysg generations` and `sysg rollback` ask.

const (
	MethodGenerations = Interface + ".Generations"
	MethodStanding    = Interface + ".Standing"
)

// Generations is the call's parameters.
type Generations struct {
	Project string `json:"project"`
}

// Installed is one stored generation of a project.
type Installed struct {
	Number int `json:"number"`
	// InstalledAt is RFC 3339.
	InstalledAt string `json:"installed_at"`
	Hash        string `json:"hash"`
	Manifest    string `json:"manifest"`
	// Active is the one installed last, Current the one that the services are
	// supervised by; they differ for a moment between an install and a restart.
	Active   bool     `json:"active"`
	Current  bool     `json:"current"`
	Services []string `json:"services"`
}

// StandingOf is the call's parameters.
type StandingOf struct {
	Project string `json:"project"`
}

// Standing is how a project stands, as far as it matters for what a restart
// would do.
type Standing struct {
	Project string `json:"project"`
	// Generation is the supervise part of the generation in force. It holds no
	// secrets.
	Generation json.RawMessage   `json:"generation"`
	Services   []ServiceStanding `json:"services"`
}

// ServiceStanding is how one service stands.
type ServiceStanding struct {
	Service string `json:"service"`
	Phase   string `json:"phase"`
	Wanted  bool   `json:"wanted"`
	// Outdated: what runs was started from another definition.
	Outdated  bool `json:"outdated"`
	Scheduled bool `json:"scheduled"`
}
