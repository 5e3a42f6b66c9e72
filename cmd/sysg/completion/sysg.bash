# bash completion for sysg(1): what may come next is sysg's to say.

_sysg() {
	local words=("${COMP_WORDS[@]:1:COMP_CWORD}") line
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) compopt -o filenames; COMPREPLY+=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")) ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
}
complete -F _sysg sysg
