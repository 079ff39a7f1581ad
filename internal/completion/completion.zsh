# Completion of COMMAND with heapmage's targets, for zsh.
typeset -g FUNCTION_state= FUNCTION_targets=
FUNCTION() {
  local line="${(j: :)words[1,CURRENT-1]} $PREFIX" mage=$words[1] found word dir key
  local -a open whole help_open help_whole
  # If the program is gone, targets are still completed.
  found=$(PROGRAM completion -line="$line" 2>/dev/null) || { [[ $PREFIX != -* ]] && found=$':targets\t.\t'$PWD }
  while IFS=$'\t' read -r word dir key; do
    case $word in
    '') ;;
    :targets)
      if [[ $FUNCTION_state != "$key" ]]; then
        # With MAGEFILE_HASHFAST, Mage 1.17 would run the default target instead.
        FUNCTION_targets=$(MAGEFILE_HASHFAST= $mage LIST 2>/dev/null)
        FUNCTION_state=$key
      fi
      whole+=(${(f)FUNCTION_targets}) help_whole+=(${(f)FUNCTION_targets})
      ;;
    :flags)
      word=$($mage -h 2>/dev/null | sed -n 's/^  \(-[a-z]*\).*/\1/p')
      whole+=(${(fu)word}) help_whole+=(${(fu)word})
      ;;
    *=) open+=($word) help_open+=("$word  -- $dir") ;;
    *) whole+=($word) help_whole+=("$word  -- $dir") ;;
    esac
  done <<<$found
  (( $#open )) && compadd -Q -S '' -l -d help_open -a open
  (( $#whole )) && compadd -Q -l -d help_whole -a whole
  # What else a flag of Mage may be given are files.
  (( $#open + $#whole )) || [[ $PREFIX == -* ]] || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef FUNCTION COMMAND
