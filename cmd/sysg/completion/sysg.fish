# fish completion for sysg(1): what may come next is sysg's to say.

function __sysg_complete
    set -l said (sysg complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
    for line in $said
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c sysg -f -a '(__sysg_complete)'
