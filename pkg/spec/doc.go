// Package spec is the language between sysgd, which decides, and sysg-exec,
// which acts: every message of exec.sock, and nothing else.
//
//	sysg  ──Install (memfd)──▶ ┌───────────┐
//	                           │ sysg-exec │ ──clone3──▶ services
//	sysgd ──Launch, Signal, ─▶ │           │
//	        Kill, List, Ack    └───────────┘
//	      ◀─Launched, Failed, Exited, Emptied, Listed, Done, Refused──
//
// The socket is SOCK_SEQPACKET: one packet is one frame is one JSON object, so
// there is no half-read state to get wrong and descriptors (SCM_RIGHTS) belong
// to exactly the frame they arrive with. The kernel cuts a packet that is too
// large for the receiver's buffer and says so (MSG_TRUNC), which is refused.
//
// A connection opens with Hello from the client, answered by Hello. After that
// the client sends Requests and receives Replies. A Reply with the request's ID
// answers it; ID 0 marks an event that nobody asked for (Exited, Emptied,
// Wanted, Spawned). What has to wait for an execve or a file system may be
// answered after later requests: Launch, Listen, Unlisten, Keep, Remove.
// Everything else is answered in order.
//
// What is absent matters most: no message carries a program, an argument, an
// environment, a user or a path. A Launch names a service and a role in an
// installed generation, and sysg-exec looks the rest up in what the owner
// installed.
//
// spawn.sock, beside it, is for processes inside services, and speaks one
// message and its answer (spawn.go). Only there does a program come with the
// request; it gets no more than the service has whose child it becomes.
//
// Decoding is strict (unknown fields, trailing bytes, several messages in one
// frame are errors) and bounded by MaxFrame.
package spec
