package api

// Caller is who made a call, as the kernel saw it when the connection was made.
type Caller struct {
	UID int
	PID int
}

// Denied is what ErrorDenied carries.
type Denied struct {
	UID   int    `json:"uid"`
	Needs string `json:"needs"`
}

// Parameter is what ErrorInvalidParameter carries.
type Parameter struct {
	Parameter string `json:"parameter"`
}

// Method is what ErrorMethodNotFound carries.
type Method struct {
	Method string `json:"method"`
}

// InterfaceName is the parameter of GetInterfaceDescription, and what
// ErrorInterface carries.
type InterfaceName struct {
	Interface string `json:"interface"`
}

// InterfaceDescription answers GetInterfaceDescription.
type InterfaceDescription struct {
	Description string `json:"description"`
}
