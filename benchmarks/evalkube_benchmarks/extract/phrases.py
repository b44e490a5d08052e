"""The phrases with which a reply announces, chooses, confirms and excludes an option, in English and Chinese. Pure.

The patterns are for text with squeezed white space (spoken.py); their repetitions are bounded.
"""

import re

__all__ = [
    "ARTICLE",
    "CONNECTIVE",
    "DOUBTED",
    "EXCEPT",
    "LEAD",
    "LIKELY",
    "ONLY",
    "OTHERS",
    "PICKS",
    "RIGHT",
    "RULES_OUT",
    "SAYS",
    "SHORT_VERDICT",
    "SO",
    "SUPPOSED",
    "WRONG",
]

LEAD = (
    r"(?:[ \n:=|>-]|(?i:the|option|choice|letter|either|both|one of|clearly|definitely|most likely|likely|probably"
    r"|therefore|thus|still|just)\b|选项|选|可能是|就是|应该是|是){0,6}"
)
"""The words that may be between an announcement and its letter."""

SAYS = (
    r"(?i:\bans(?:wers?)?(?: (?:choice|option|letter)s?)?(?: (?:to|of|for) [^.\n:]{1,60}?)?\.? ?"
    r"(?:is|are|was|would be|should be|must be|will be|could be|may be|might be|->|→|[:=|])"
    r"|\b(?:correct|right|best|final) (?:choice|option|letter|one|statement)s? ?(?:is|are|would be|[:=|])"
    r"|\b(?:left|remaining)(?: (?:one|option|choice))? is|\b(?:true|right) ?:"
    r"|\bcorrect ?:|\b(?:choice|letter) ?(?:is|:)|\boption is|\b(?:conclusion|verdict|result) ?[:|])"
    r"|(?:答案|正解) ?(?:应该|应当|应|就|可能|大概|只能|显然)?(?:是|为|选|[:=|])"
    r"|(?:选项|选择|选择?的|结论|正确的) ?(?:应该|应)?(?:是|为|有|:)|(?:而|应该|应当|应|只能|必须|必定|肯定|一定)是"
    r"|(?:故|应|应该|所以|因此|因而|最终|答案|只能|必)选(?:择|项)?"
)
PICKS = (
    r"答案|(?<![不能可误错勿别不非])(?<!如果)(?<!假如)(?<!若)选(?:择|了|定)?(?!项)"
    r"|(?i:(?<!if you )(?<!not )(?<!n't )\b(?:choose|chose|pick|select|selected|go with|going with|opt for"
    r"|lean(?:ing)? towards?|inclined towards?|settl(?:e|ing) on))"
    r"|(?i:\b(?:wait|hold on|scratch that|correction)\b[,.: -]{1,5}(?:no[,.]? )?(?:actually,? )?(?:it's |it is )?)"
    r"(?=(?-i:[A-P])(?:[.!]|$))"
)
SO = (
    r"(?:所以|因此|因而|故|于是|剩下(?:的)?(?:只有|是)?|只剩(?:下)?"
    r"|(?i:\b(?:so|therefore|thus|hence|leaving|leaves|left with)\b))"
)
RIGHT = (
    r"(?i: ?(?:is|are|was|were|seems?|looks?|appears?|sounds?)(?: to be)? "
    r"(?:(?:the|both|all|clearly|therefore|thus|indeed|also|only) ){0,3}"
    r"(?:correct|right|true|best|answer)\b(?![- ](?:known|hand))"
    r"|[ :|]{0,3}(?:correct|right)(?= ?(?:$|[.,;:|!\n(])))"
    r"| ?(?:remains|is left)\b(?! (?:to|unclear|open))"
    r"|(?:[ :|]|[两三四五]?个?项|选项|这一项|说法|表述|的?说法){0,4}(?:都|均)?(?:才|是|最为|最|唯一){0,3}"
    r"(?:正确|对的|符合|合适|恰当|成立|准确)(?!吗|与否|答案)"
    r"|(?:为|是)(?:本题)?(?:的)?正确(?:答案|选项)"
    r"|[ :|]{0,4}(?:(?:都|均|全)?对(?= ?(?:$|[.,;:|!\n()。]))|[✓✔√✅☑])"
)
WRONG = (
    r"(?i:(?:[ :|]|(?:is|are|was|were|can be|should be|must be|cannot be|can't be|both|all|also|clearly|obviously"
    r"|simply|therefore|just|option|choice)\b){0,6}"
    r"(?:wrong|incorrect|false|not\b(?! (?:option )?[A-J]\b)|n't|ruled out|eliminated|excluded|out\b(?! of)"
    r"|impossible|invalid|cannot|can't|isn't"
    r"|aren't|doesn't|don't))"
    r"|(?:[ :|]|[两三四五]?项|选项|说法|表述|的|都|均|全|也|显然|明显|是|为|可以?|应该?|被){0,5}"
    r"(?:错|不(?!仅|但|只|是 ?[A-J]|选 ?[A-J])|误|有误|排除|与题意不符|无关"
    r"|非(?! ?[A-J]))"
    r"|[ :|]{0,4}(?:[✗✘×❌]|(?:x|X)(?= ?(?:$|[|\n])))"
)
RULES_OUT = (
    r"(?:排除|除了?|不选|不能选|不应选|不是|不会是|并非|而非|去掉|剔除)(?:[ :]|了|掉|选项|的是){0,3}"
    r"|(?i:\b(?:eliminat(?:e|es|ing)|exclud(?:e|es|ing)|reject(?:s|ing)?|discard(?:s|ing)?|rul(?:e|es|ing|ed) out|not"
    r"|isn't|(?:can't|cannot|couldn't|won't) be|none of"
    r"|(?:do|does|did)(?:n't| not) (?:think|believe) (?:that )?(?:it's|it is|the answer is)|neither|nor|than|except)"
    r" (?:(?:out|the|options?|choices?|both) ){0,3})"
)
EXCEPT = (
    r"(?:(?i:\b(?:all|every|everything|everyone)\b[^.\n]{0,30} (?:except|but)(?: for)?(?: option)?)"
    r"|(?<![排删扣])除了?) ?"
)
"""The words before a letter that is right, if all others are called wrong."""

LIKELY = r"(?:那么|所以|我(?:认为|觉得|猜|想)?)?(?:应该|大概|可能|也许|估计|大约)?(?:是|选)"
"""The words before a letter that is the whole reply."""

SHORT_VERDICT = (
    r"[)\]]?[:.、)]? ?[(（]?(?:(?P<yes>(?i:yes|true|correct|right)|对|正确|是|[✓✔√✅])"
    r"|(?P<no>(?i:no|false|incorrect|wrong)|错误?|不对|不是|否|[✗✘×❌]))[)）]?(?=[\s.,;:。、!)A-P]|$)"
)
"""A verdict in one word after a letter."""

OTHERS = r"(?:其余|其他|其它)(?:选项|[两三四五]?项)?"
"""The words after a letter that is wrong, if all others are called right."""

ONLY = r"(?:只有|唯有|仅有|仅|(?i:\bonly|\bjust) (?:option )?)"
DOUBTED = re.compile(
    r"n't (?:think|believe)(?: that)?(?: (?:the|it is|it's))?(?: (?:correct|right))? ?$", re.IGNORECASE
)
"""The words at the end of the text before a statement that make it a denial."""

SUPPOSED = re.compile(
    r"(?:\b(?:if|whether|suppose|assuming|assume|were|except|except for)|如果|假如|假设|若|要是|(?<![排删扣])除了?)"
    r"(?: (?:option|choice|that|the))? ?(?:选项|选)?$",
    re.IGNORECASE,
)
"""The words at the end of the text before a statement that make it a supposition."""

CONNECTIVE = (
    r"(?: (?:because|since|as|for|due|and|or|is|are|was|were|given|according|which|that|with|based|by|from|in|so|but"
    r"|while|when|if|where|would|rather|not|instead|the|only|both|over|than|seems|fits|has|can|then|out of)\b)"
)
ARTICLE = re.compile(rf"[AI](?= [a-z])(?!{CONNECTIVE})")
"""Labels that are also the English words "A" and "I".

They count before these words and punctuation, never before a noun.
"""
