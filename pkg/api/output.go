package api

// What `sysg logs` asks.

// MethodClearLogs is the name of the call.
const MethodClearLogs = Interface + ".ClearLogs"

// Logs is the call's parameters. Stream is "stdout", "stderr" or "" for both.
type Logs struct {
	Project string `json:"project"`
	Service string `json:"service"`
	// Lines is how many, counted from the end; All is all that there are.
	Lines  int    `json:"lines"`
	Stream string `json:"stream"`
	Follow bool   `json:"follow"`
	All    bool   `json:"all,omitempty"`
	// Since and Until are RFC 3339.
	Since string `json:"since,omitempty"`
	Until string `json:"until,omitempty"`
	// Grep is a regular expression (RE2) for the text.
	Grep string `json:"grep,omitempty"`
	// Invocation is the run that wrote it, by the beginning of its name.
	Invocation string `json:"invocation,omitempty"`
}

// ClearLogs is the call's parameters. With a bound only rotated files go, and
// only those that exceed one.
type ClearLogs struct {
	Project  string `json:"project"`
	Service  string `json:"service"`
	MaxBytes *int   `json:"max_bytes,omitempty"`
	// OlderThan is in milliseconds before now.
	OlderThan *int `json:"older_than_ms,omitempty"`
}

// Cleared is what ClearLogs did.
type Cleared struct {
	Files int `json:"files"`
	Bytes int `json:"bytes"`
}
