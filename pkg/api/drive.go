package api

// What `sysg version`, `sysg doctor` and `sysg purge` ask.

const (
	MethodIdentify = Interface + ".Identify"
	MethodSurvey   = Interface + ".Survey"
	MethodForget   = Interface + ".Forget"
)

// Forget is the call's parameters.
type Forget struct {
	Project string `json:"project"`
}

// Identity is which supervisor answers.
type Identity struct {
	Version string `json:"version"`
	PID     int    `json:"pid"`
	// Binary is the path of its program, as it was when it was started.
	Binary string `json:"binary"`
	// State is its folder of state.
	State string `json:"state"`
}

// Survey is all that the supervisor believes to live, at one moment, to be
// compared with the kernel.
type Survey struct {
	PID int `json:"pid"`
	// Connected: sysg-exec has told what lives. Without it everything here is
	// what was last known.
	Connected bool              `json:"connected"`
	Services  []SurveyedService `json:"services"`
	Runs      []SurveyedRun     `json:"runs"`
}

// SurveyedService is one service of a Survey.
type SurveyedService struct {
	Project    string `json:"project"`
	Service    string `json:"service"`
	Generation int    `json:"generation"`
	// Phase, Since and Incarnation together say whether anything has happened
	// between two surveys.
	Phase       string `json:"phase"`
	Since       string `json:"since"`
	Incarnation string `json:"incarnation"`
	Wanted      bool   `json:"wanted"`
}

// SurveyedRun is one incarnation of a Survey.
type SurveyedRun struct {
	Project     string `json:"project"`
	Service     string `json:"service"`
	Incarnation string `json:"incarnation"`
	Role        string `json:"role"`
	PID         int    `json:"pid"`
	Cgroup      string `json:"cgroup"`
	// Exited: its main process has ended. Emptied: nothing of it is left.
	Exited  bool `json:"exited"`
	Emptied bool `json:"emptied"`
	// Occupies: it is the run that the service's phase is about.
	Occupies bool `json:"occupies"`
}

// Step is a part of what a service does on its way: its pre_start command, its
// health check. One of the same name replaces the one before.
type Step struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	State string `json:"state"` // active, done or failed
}
