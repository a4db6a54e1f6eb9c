
hits	"k*v2
sessionize:	malformedBdHRž7%OÌ‰©F*ÔÖÌ