# Completion of COMMAND with heapmage's targets, for fish.
function FUNCTION
    set -l line (commandline -cp | string collect)
    set -l mage (commandline -opc)[1]
    set -l written (commandline -ct)
    set -l found (PROGRAM completion -line="$line" 2>/dev/null)
    # If the program is gone, targets are still completed.
    or string match -q -- '-*' "$written"; or set found ":targets	.	$PWD"
    for entry in $found
        set -l fields (string split \t -- $entry)
        switch $fields[1]
            case :targets
                set -l dir $fields[2]
                if test "$FUNCTION_state" != "$fields[3]"
                    # With MAGEFILE_HASHFAST, Mage 1.17 would run the default target instead.
                    set -g FUNCTION_targets (MAGEFILE_HASHFAST= $mage LIST 2>/dev/null)
                    set -g FUNCTION_state "$fields[3]"
                end
                string join \n -- $FUNCTION_targets
            case :flags
                $mage -h 2>/dev/null | sed -n 's/^  \(-[a-z]*\).*/\1/p'
            case '*'
                echo $entry
        end
    end
end
complete -c COMMAND -e
complete -c COMMAND -f -a '(FUNCTION)'
# "-d" and "-w" of Mage take a folder.
complete -c COMMAND -n "string match -qr -- '^-[dw]\$' (commandline -opc)[-1]" -F
