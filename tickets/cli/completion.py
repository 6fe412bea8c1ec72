"""What makes a shell complete `aura`: its verbs, and ids of tickets, which the API is asked for."""

from __future__ import annotations

VERBS = "answer approve cancel completion deny inbox list log new resume run screen ticket watch"
OF_ONE = "answer|approve|cancel|deny|log|resume|run|ticket|watch"

BASH = f"""\
_aura() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{VERBS}" -- "$word"))
    elif [ "$COMP_CWORD" -eq 2 ]; then
        case "$verb" in
            {OF_ONE}) COMPREPLY=($(compgen -W "$(aura ids 2>/dev/null)" -- "$word")) ;;
            completion) COMPREPLY=($(compgen -W "bash zsh" -- "$word")) ;;
        esac
    fi
}}
complete -F _aura aura"""

SCRIPTS = {
    "bash": BASH,
    "zsh": f"autoload -Uz bashcompinit && bashcompinit\n{BASH}",
}
