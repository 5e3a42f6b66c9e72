#compdef sysg
# zsh completion for sysg(1): what may come next is sysg's to say.

_sysg() {
	local -a said
	local line
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			_files
		else
			said+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		fi
	done < <($words[1] complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
	(( $#said )) && _describe -V sysg said
}

if [[ $funcstack[1] == _sysg ]]; then
	_sysg
else
	compdef _sysg sysg
fi
