# Completion of COMMAND with heapmage's targets, for bash.
FUNCTION() {
  local line=${COMP_LINE:0:COMP_POINT} mage=${COMP_WORDS[0]} found word dir key targets=FUNCTION_targets state=FUNCTION_state
  local written=${line##*[[:space:]]}
  COMPREPLY=()
  # If the program is gone, targets are still completed.
  found=$(PROGRAM completion -line="$line" 2>/dev/null) || { [[ $written != -* ]] && found=$':targets\t.\t'$PWD; }
  while IFS=$'\t' read -r word dir key; do
    case $word in
    :targets)
      if [[ ${!state} != "$key" ]]; then
        # With MAGEFILE_HASHFAST, Mage 1.17 would run the default target instead.
        printf -v "$targets" %s "$(MAGEFILE_HASHFAST= "$mage" LIST 2>/dev/null)"
        printf -v "$state" %s "$key"
      fi
      word=${!targets}
      ;;
    :flags) word=$("$mage" -h 2>/dev/null | sed -n 's/^  \(-[a-z]*\).*/\1/p') ;;
    esac
    for word in $word; do
      [[ $word == "$written"* ]] || continue
      [[ $word == *= ]] || word+=" "
      COMPREPLY+=("$word")
    done
  done <<<"$found"
  # Bash replaces only what follows the last of the characters that it divides words at; of
  # these, "@" is replaced too.
  key=${written%"${written##*[$COMP_WORDBREAKS]}"}
  COMPREPLY=("${COMPREPLY[@]#"${key%@}"}")
}
complete -o nospace -o default -F FUNCTION COMMAND
