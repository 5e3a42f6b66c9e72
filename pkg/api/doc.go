// Package api is the language between clients and sysgd: Varlink
// (https://varlink.org), JSON objects that each end in a NUL byte, on
// control.sock. Any Varlink client can speak it and ask it to describe itself.
//
//	client ─▶ {"method":"org.systemg.Control.Start","parameters":{…},"more":true}\0
//	client ◀─ {"parameters":{"progress":{…}},"continues":true}\0
//	client ◀─ {"parameters":{"result":{…}}}\0
//	     or ◀─ {"error":"org.systemg.Control.Failed","parameters":{"code":"SG0202",…}}\0
//
// The interface itself is org.systemg.Control.varlink in this folder. The types
// here are that file in Go; a test holds them together.
//
// A mutation answers with a stream: its replies are its progress, and the last
// one comes when what was asked is true, or has failed. Frames to the daemon
// are at most MaxCall bytes, replies at most MaxReply.
package api
