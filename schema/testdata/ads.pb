
Í
7%OÌ‰©F*ÔÖÌ 0123456789abcdef0123456789abcdef ûˆ…«3(È‘ˆ…«30:https://site.example/²grantedºfb.1.1763900000000.1098115397Âfb.1.1763900000000.AbCd-Ef_1Ê$3e0fb0b4-5b1c-4d36-8a9b-3a0b5f4f6a01