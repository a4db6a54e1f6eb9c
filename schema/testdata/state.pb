
–
7%OÌ‰©F*ÔÖÌ 0123456789abcdef0123456789abcdef ûˆ…«3(È‘ˆ…«30:%https://site.example/?utm_source=testBhttps://google.com/JHomeRnZ{"a":1}b*
ann@example.com+4915112345678Ann"u1jMozilla/5.0rEurope/BerlinzDE‚timezoneŠdesktop’FirefoxšLinux ¨ûÿÿÿÿÿÿÿÿ¿Ÿ7%OÌ‰©F*ÔÖÌc *7%OÌ‰©F*ÔÖÌ
DirectdirectP8 