// Package caps reads and sets the capabilities of a thread, see capabilities(7).
//
// A thread has five sets of them. What a service may do is decided by all five
// together, since each comes back from another at an execve(2):
//
//	permitted    what it may make effective
//	effective    what the kernel asks for now
//	inheritable  what a file's own inheritable set can turn into permitted
//	bounding     the most that a file, or being user 0, can ever give
//	ambient      what a program without file capabilities keeps
//
// A program that is to have exactly a list has it in all five. A program that
// is to have nothing has nothing in any: a bounding set that is not empty would
// give capabilities to the next setuid program.
//
// All of it belongs to the calling thread alone: whoever calls has locked it,
// and knows that it is the thread that goes on to the execve.
package caps
