/* Run a battery of TestU01 (L'Ecuyer and Simard 2007) on the 32-bit words of standard input,
   and write each test's name and p-value: BATTERY FILE. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bbattery.h"
#include "swrite.h"
#include "unif01.h"

static uint32_t words[1 << 16];
static size_t left = 0, size = 0;

static unsigned int next(void) {
    if (left == size) {
        size = fread(words, sizeof *words, 1 << 16, stdin);
        left = 0;
        if (!size) {
            fprintf(stderr, "the words have come to an end\n");
            exit(1);
        }
    }
    return words[left++];
}

int main(int count, char **arguments) {
    int i;
    unif01_Gen *generator = unif01_CreateExternGenBits("synthpower", next);
    swrite_Basic = FALSE;
    freopen("/dev/null", "w", stdout);
    if (count != 3)
        return 2;
    if (!strcmp(arguments[1], "crush"))
        bbattery_Crush(generator);
    else
        bbattery_SmallCrush(generator);
    freopen(arguments[2], "w", stdout);
    for (i = 0; i < bbattery_NTests; i++)
        printf("%s\t%.17g\n", bbattery_TestNames[i], bbattery_pVal[i]);
    return 0;
}
